// The peers by name.

import { floor } from './floor.ts';
import type { Peer, PeerName } from './peer.ts';
import { direct, microsocks } from './plain.ts';
import { restunnel } from './restunnel.ts';
import { shadowsocks } from './shadowsocks.ts';
import { ssh } from './ssh.ts';

export const PEERS: { readonly [name in PeerName]: Peer } = {
  restunnel,
  direct,
  microsocks,
  ssh,
  shadowsocks,
  floor,
};
