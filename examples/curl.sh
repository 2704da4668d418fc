#!/bin/sh
# curl, over SOCKS5 and over HTTP. --proxy-user takes the user name; the password stays empty while the hub has no users.
set -eu
socks="${RESTUNNEL_SOCKS:-127.0.0.1:1080}"
http="${RESTUNNEL_HTTP:-127.0.0.1:1081}"

curl --silent --show-error --fail --proxy "socks5h://$socks" --proxy-user 'shop-session-cart7:' "$1"
curl --silent --show-error --fail --proxy "http://$http" --proxy-user 'shop-session-cart7:' "$1"
