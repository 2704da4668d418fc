#!/bin/sh
# wget speaks to HTTP proxies only. It takes the user name from its own options, not from the proxy's address.
set -eu
proxy="http://${RESTUNNEL_HTTP:-127.0.0.1:1081}"

http_proxy="$proxy" https_proxy="$proxy" no_proxy='' \
  wget --quiet --output-document=- --proxy-user='shop-session-cart7' --proxy-password='none' "$1"
