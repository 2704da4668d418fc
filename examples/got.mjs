// got takes agents of node:http, such as http-proxy-agent and https-proxy-agent.
import got from 'got';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';

const proxy = `http://shop-session-cart7:@${process.env.RESTUNNEL_HTTP ?? '127.0.0.1:1081'}`;
const agent = { http: new HttpProxyAgent(proxy), https: new HttpsProxyAgent(proxy) };

process.stdout.write(await got(process.argv[2], { agent }).text());
