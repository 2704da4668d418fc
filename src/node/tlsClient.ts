// TLS towards the web server in front of a hub. What this device trusts decides: the system's certificates, and those of NODE_EXTRA_CA_CERTS.

import { isIP, type Socket } from 'node:net';
import tls, { type SecureContext, type TLSSocket } from 'node:tls';

let context: SecureContext | null = null;

/** TLS over a connected socket. Its 'error' before 'secureConnect' is for tlsFailure(). */
export function connectTls(socket: Socket, host: string): TLSSocket {
  context ??= tls.createSecureContext(trusted());
  return tls.connect({
    socket,
    secureContext: context,
    host,
    // RFC 6066, section 3: a name, never an address.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ALPNProtocols: ['http/1.1'],
  });
}

/** A system without any certificates (a bare container) leaves those that the runtime has. */
function trusted(): { ca?: string[] } {
  // Before Node 22.15 the runtime's are all there is.
  if (tls.getCACertificates === undefined) return {};
  const system = tls.getCACertificates('system');
  if (system.length === 0) return {};
  return { ca: [...system, ...tls.getCACertificates('extra')] };
}

/** A sentence about TLS that did not come about. */
export function tlsFailure({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return "the web server's certificate is for another name";
  if (code === 'CERT_HAS_EXPIRED') return "the web server's certificate has expired";
  if (code === 'CERT_NOT_YET_VALID')
    return "the web server's certificate is not valid yet; is this device's clock right?";
  if (code !== undefined && UNTRUSTED.has(code))
    return `this device does not trust the web server's certificate (${code}); if it is your own, name its CA in NODE_EXTRA_CA_CERTS`;
  return `no TLS with the web server (${code ?? message})`;
}

/** Of OpenSSL's X509_verify_cert_error_string(3), those about who has signed. */
const UNTRUSTED = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_UNTRUSTED',
]);
