// The far end of a datagram, an address and a port, filled anew each time: no object and no text for every datagram.

import { IpAddress } from './ipAddress.ts';

export class Endpoint {
  readonly address = new IpAddress();
  port = 0;

  copyFrom(other: Endpoint): void {
    this.address.copyFrom(other.address);
    this.port = other.port;
  }
}
