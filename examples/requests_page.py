#!/usr/bin/python3
"""requests over SOCKS5 (needs PySocks: python3-socks, or pip install requests[socks])."""
import os
import sys

import requests

hub = os.environ.get("RESTUNNEL_SOCKS", "127.0.0.1:1080")
proxy = f"socks5h://shop-session-cart7:none@{hub}"

response = requests.get(sys.argv[1], proxies={"http": proxy, "https": proxy}, timeout=30)
response.raise_for_status()
sys.stdout.write(response.text)
