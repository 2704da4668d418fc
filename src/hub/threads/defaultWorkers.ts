// How many worker threads a hub gets when its owner gives no number. Pure.

/**
 * One core is left for control and handshakes and one for the front thread; the rest get a worker each, up to four, which
 * carry more than most uplinks. With two cores or fewer a second engine thread would only take turns with the first: 0
 * puts both roles on one.
 */
export function defaultWorkers(cores: number): number {
  return Math.max(0, Math.min(4, cores - 2));
}
