// axios with socks-proxy-agent. `proxy: false` keeps axios from looking at the environment on its own.
import axios from 'axios';
import { SocksProxyAgent } from 'socks-proxy-agent';

const agent = new SocksProxyAgent(
  `socks5h://shop-session-cart7:none@${process.env.RESTUNNEL_SOCKS ?? '127.0.0.1:1080'}`,
);

const { data } = await axios.get(process.argv[2], {
  httpAgent: agent,
  httpsAgent: agent,
  proxy: false,
  responseType: 'text',
});
process.stdout.write(data);
