#!/usr/bin/python3
"""Scrapy: HttpProxyMiddleware, on by default, takes the proxy and the route of each request from its meta."""
import os
import sys

import scrapy
from scrapy.crawler import CrawlerProcess

hub = os.environ.get("RESTUNNEL_HTTP", "127.0.0.1:1081")


class PageSpider(scrapy.Spider):
    name = "page"

    def start_requests(self):
        yield scrapy.Request(sys.argv[1], meta={"proxy": f"http://shop-session-cart7:none@{hub}"})

    def parse(self, response):
        sys.stdout.write(response.text)


process = CrawlerProcess(settings={"LOG_LEVEL": "ERROR", "TELNETCONSOLE_ENABLED": False})
process.crawl(PageSpider)
process.start()
