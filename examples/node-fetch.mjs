// node-fetch takes an agent, as node:http does.
import fetch from 'node-fetch';
import { SocksProxyAgent } from 'socks-proxy-agent';

const agent = new SocksProxyAgent(
  `socks5h://shop-session-cart7:none@${process.env.RESTUNNEL_SOCKS ?? '127.0.0.1:1080'}`,
);

const response = await fetch(process.argv[2], { agent });
process.stdout.write(await response.text());
