// A far UDP address as numbers, so that none has to be written as text for every datagram. Filled anew each time. Used by the reactors'
// UDP sockets and by whoever reads or writes datagram headers.

export class Endpoint {
  family: 4 | 6 = 4;
  /** Of IPv4 the first four. */
  readonly bytes: Uint8Array = new Uint8Array(16);
  port = 0;

  get addressBytes(): number {
    return this.family === 4 ? 4 : 16;
  }

  /** Of an IPv4 address, as a u32. */
  get ipv4(): number {
    const { bytes } = this;
    return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
  }

  /** Of the address alone. */
  hasAddressOf(other: Endpoint): boolean {
    if (this.family !== other.family) return false;
    for (let at = 0; at < this.addressBytes; at++) if (this.bytes[at] !== other.bytes[at]) return false;
    return true;
  }

  /** An IPv4-mapped address becomes the IPv4 one: the kernel sends to it by IPv4. */
  unmap(): void {
    const { bytes } = this;
    if (this.family === 4 || bytes[10] !== 0xff || bytes[11] !== 0xff) return;
    for (let at = 0; at < 10; at++) if (bytes[at] !== 0) return;
    bytes.copyWithin(0, 12, 16);
    this.family = 4;
  }

  copyFrom(other: Endpoint): void {
    this.family = other.family;
    this.bytes.set(other.bytes);
    this.port = other.port;
  }
}
