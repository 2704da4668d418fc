// The host by which devices or browsers reach a hub, as --public-host and --dashboard-host name it.

import { unbracketed } from '../../base/hostPort.ts';
import { IpAddress, isIPv6Literal } from '../../base/ipAddress.ts';
import { quote, UserError } from '../../base/userError.ts';

/** A DNS name or an IP address (brackets allowed around IPv6) without a port. Throws UserError (exit code 2). */
export function parsePublicHost(text: string, flag: string): string {
  const bare = unbracketed(text);
  if (isIPv6Literal(bare)) return bare;
  if (IpAddress.parse(text) !== null) return text;
  const labels = text.replace(/\.$/, '').split('.');
  const isName =
    text.length <= 253 &&
    labels.every((label) => /^(?!-)[a-z0-9-]{1,63}(?<!-)$/i.test(label)) &&
    !/^\d+$/.test(labels.at(-1) ?? '');
  if (!isName) {
    throw new UserError(
      `${flag}: ${quote(text)} is not a host name or an IP address (give it without a port, such as hub.example.org)`,
      2,
    );
  }
  return text;
}
