// Where an exception goes that a handler threw: to the owner's report, or to standard error.

export class Faults {
  #report: (error: unknown) => void = (error) => console.error(error);

  reportTo(report: (error: unknown) => void): void {
    this.#report = report;
  }

  /** Never throws. */
  report(error: unknown): void {
    try {
      this.#report(error);
    } catch (failure) {
      console.error(failure);
    }
  }
}
