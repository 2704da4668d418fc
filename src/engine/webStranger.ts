// The request of somebody at the port of --tunnel-websocket, as far as it came. A web server is in front: it says whose request it is.

import type { AddressRange } from '../base/addressRange.ts';
import { STRANGER } from '../limits/strangers.ts';
import { forwardedAddress, isTrusted } from '../proxy/forwardedFor.ts';
import { readProxyHeader } from '../proxy/proxyProtocol.ts';
import { headLength, readRequest } from '../proxy/webSocketUpgrade.ts';

const FIRST_BYTES = 2_048;

export class WebStranger {
  /** Whose it is, as far as we know. */
  address: string;
  /** Sec-WebSocket-Key of a device; '' until its request is whole. */
  key = '';
  /** Nothing that comes can make a difference any more: it is owed an answer. */
  isWhole = false;
  readonly #trusted: readonly AddressRange[];
  readonly #isTrusted: boolean;
  #mayBeProxyHeader: boolean;
  #received = new Uint8Array(FIRST_BYTES);
  #receivedBytes = 0;

  /** `trusted`: proxies that are believed when they name another address. */
  constructor(peer: string, trusted: readonly AddressRange[]) {
    this.address = peer;
    this.#trusted = trusted;
    this.#isTrusted = isTrusted(peer, trusted);
    this.#mayBeProxyHeader = this.#isTrusted;
  }

  /** The next bytes. The first message of a handshake once it is there, with its mac1 unchecked; null: not yet, or, once isWhole, none. */
  take(bytes: Uint8Array): Uint8Array | null {
    if (this.isWhole || !this.#append(bytes)) return null;
    if (this.#mayBeProxyHeader && !this.#takeProxyHeader()) return null;
    const length = headLength(this.#received, this.#receivedBytes);
    if (length < 0) return null;
    // A device says nothing behind its request before it has its answer.
    const isAlone = length === this.#receivedBytes;
    const { upgrade, forwardedFor } = readRequest(this.#received.subarray(0, length));
    if (this.#isTrusted) this.address = forwardedAddress(this.address, forwardedFor, this.#trusted);
    this.#end();
    if (upgrade === null || !isAlone) return null;
    this.key = upgrade.key;
    return upgrade.message1;
  }

  /** False: too much. */
  #append(bytes: Uint8Array): boolean {
    const total = this.#receivedBytes + bytes.length;
    if (total > STRANGER.webHeadMaxBytes) {
      this.#end();
      return false;
    }
    if (total > this.#received.length) {
      const grown = new Uint8Array(Math.min(2 ** (32 - Math.clz32(total - 1)), STRANGER.webHeadMaxBytes));
      grown.set(this.#received.subarray(0, this.#receivedBytes));
      this.#received = grown;
    }
    this.#received.set(bytes, this.#receivedBytes);
    this.#receivedBytes = total;
    return true;
  }

  /** False: it is not whole, or malformed. */
  #takeProxyHeader(): boolean {
    const header = readProxyHeader(this.#received, this.#receivedBytes);
    if (header === 'part') return false;
    this.#mayBeProxyHeader = false;
    if (header === 'none') return true;
    if (header === 'malformed') {
      this.#end();
      return false;
    }
    this.address = header.address ?? this.address;
    this.#received.copyWithin(0, header.bytes, this.#receivedBytes);
    this.#receivedBytes -= header.bytes;
    return true;
  }

  #end(): void {
    this.isWhole = true;
    this.#received = new Uint8Array(0);
    this.#receivedBytes = 0;
  }
}
