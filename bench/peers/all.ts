// The peers by name.

import { chisel } from './chisel.ts';
import { floor } from './floor.ts';
import { frp } from './frp.ts';
import type { Peer, PeerName } from './peer.ts';
import { direct, microsocks } from './plain.ts';
import { rathole } from './rathole.ts';
import { restunnel } from './restunnel.ts';
import { shadowsocks } from './shadowsocks.ts';
import { shadowsocksRust } from './shadowsocksRust.ts';
import { ssh } from './ssh.ts';
import { v2ray } from './v2ray.ts';
import { wstunnel } from './wstunnel.ts';

export const PEERS: { readonly [name in PeerName]: Peer } = {
  restunnel,
  direct,
  microsocks,
  ssh,
  shadowsocks,
  floor,
  'shadowsocks-rust': shadowsocksRust,
  wstunnel,
  frp,
  chisel,
  rathole,
  v2ray,
};
