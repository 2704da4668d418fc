// undici: a ProxyAgent is a dispatcher; `token` is the Proxy-Authorization header with the user name.
import { fetch, ProxyAgent } from 'undici';

const proxy = `http://${process.env.RESTUNNEL_HTTP ?? '127.0.0.1:1081'}`;
const token = `Basic ${Buffer.from('shop-session-cart7:').toString('base64')}`;
const dispatcher = new ProxyAgent({ uri: proxy, token });

const response = await fetch(process.argv[2], { dispatcher });
process.stdout.write(await response.text());
await dispatcher.close();
