// The target host of a stream, as text: is it an address, a name worth resolving, or neither? Pure.

import { domainToASCII } from 'node:url';
import { IpAddress } from './ipAddress.ts';

/** DNS (RFC 1035 section 2.3.4), without the trailing dot. */
const NAME_MAX = 253;
const LABEL_MAX = 63;

/** The WHATWG URL standard's forbidden domain code points above the space; a name with one of them is no host anywhere. */
const FORBIDDEN = new Set(Array.from('#%/:<>?@[\\]^|\x7f', (char) => char.charCodeAt(0)));

/** fe80::1%eth0: an address of one link of the node's, which nobody far away has a use for. */
export function isZonedLiteral(host: string): boolean {
  const percent = host.indexOf('%');
  return percent > 0 && IpAddress.parse(host.slice(0, percent)) !== null;
}

/**
 * The name in the form it is resolved and cached under: ASCII (IDNA), lower case, no trailing dot. Null when it is no name: longer
 * than 253 bytes, a label empty or longer than 63, a control character, a space or a delimiter of URLs in it.
 */
export function targetName(host: string): string | null {
  let name = host;
  if (!isAscii(name)) {
    // Not for ASCII names: domainToASCII would turn 0x7f.1 into 127.0.0.1.
    // Nor for a delimiter: it would cut the name there.
    if (name.length > NAME_MAX || hasForbidden(name)) return null;
    name = domainToASCII(name);
  }
  if (name.endsWith('.')) name = name.slice(0, -1);
  if (name.length === 0 || name.length > NAME_MAX) return null;

  let labelBytes = 0;
  let hasUpper = false;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code === 0x2e) {
      if (labelBytes === 0) return null;
      labelBytes = 0;
      continue;
    }
    if (isForbidden(code) || ++labelBytes > LABEL_MAX) return null;
    if (code >= 0x41 && code <= 0x5a) hasUpper = true;
  }
  if (labelBytes === 0) return null;
  return hasUpper ? name.toLowerCase() : name;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return false;
  }
  return true;
}

function hasForbidden(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (isForbidden(text.charCodeAt(i))) return true;
  }
  return false;
}

function isForbidden(code: number): boolean {
  return code <= 0x20 || FORBIDDEN.has(code);
}
