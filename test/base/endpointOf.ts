// An Endpoint from text, for tests.

import { Endpoint } from '../../src/base/endpoint.ts';
import { IpAddress } from '../../src/base/ipAddress.ts';

/** Throws TypeError when the address is no IP literal. */
export function endpointOf(address: string, port: number): Endpoint {
  const endpoint = new Endpoint();
  endpoint.address.copyFrom(IpAddress.of(address));
  endpoint.port = port;
  return endpoint;
}
