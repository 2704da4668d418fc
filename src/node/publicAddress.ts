// This device's address as the world sees it: what a page of the owner's choice answers (--public-address-url), asked directly, not through
// a hub. Without such a page nobody is asked.

import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';
import { canonicalAddress } from '../base/ipAddress.ts';
import { UserError } from '../base/userError.ts';
import { ROTATION } from '../limits/node.ts';

/** Throws UserError (exit code 2). */
export function parseAddressUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new UserError(
      `--public-address-url: ${JSON.stringify(text)} is not a URL such as https://api.example.org/ip`,
      2,
    );
  }
  return url;
}

/** The first IP literal in a text, in its canonical spelling; null: there is none. */
export function findAddress(text: string): string | null {
  for (const [word] of text.matchAll(/[0-9a-fA-F:.]{2,45}/g)) {
    const address = canonicalAddress(word.replace(/^\.+|\.+$/g, ''));
    if (address !== null) return address;
  }
  return null;
}

/** Null: no answer in time, none of 200, or none with an address in its first bytes. Never rejects. */
export function fetchPublicAddress(url: URL, timeoutMs: number = ROTATION.addressMs): Promise<string | null> {
  return new Promise((resolve) => {
    const get = url.protocol === 'https:' ? httpsGet : httpGet;
    const request = get(url, { agent: false, headers: { accept: 'text/plain, */*' } }, (response) => {
      if (response.statusCode !== 200) {
        end(null);
        return;
      }
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
        if (text.length >= ROTATION.addressPageMaxBytes) end(findAddress(text));
      });
      response.on('end', () => end(findAddress(text)));
      response.on('error', () => end(null));
    });
    const timer = setTimeout(() => end(null), timeoutMs);
    request.on('error', () => end(null));
    function end(address: string | null): void {
      clearTimeout(timer);
      request.destroy();
      resolve(address);
    }
  });
}
