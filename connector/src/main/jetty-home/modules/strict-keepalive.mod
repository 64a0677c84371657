[description]
Gives the HTTP/1.1 connections of all connectors a strict keep-alive policy:
exact timeouts, a bounded linger, and closes ahead of "Too many open files".

[tags]
connector
http

[depend]
server

[after]
alpn
http
http2
http2c
https
proxy-protocol
proxy-protocol-ssl
ssl
unixdomain-http

[lib]
lib/strict-keepalive/jetty-strict-keepalive-@project.version@.jar

[xml]
etc/jetty-strict-keepalive.xml

[ini-template]
### Strict keep-alive policy
## 0 or less switches a limit off. A wrong value stops the start.

## Time from the end of a response to the first byte of the next request, in milliseconds.
## Not set, it is the idle timeout of the connector, such as jetty.http.idleTimeout.
# jetty.strictKeepAlive.keepAliveTimeout=30000

## What keepAliveTimeout shrinks to under pressure, in milliseconds.
# jetty.strictKeepAlive.minKeepAliveTimeout=1000

## Time from the first byte of a request to the end of its headers, in milliseconds.
# jetty.strictKeepAlive.requestHeaderTimeout=10000

## Time from accept to the end of the first request's headers, in milliseconds.
## Not set, it is the idle timeout of the connector.
# jetty.strictKeepAlive.firstRequestTimeout=30000

## Time from accept to the end of TLS handshake, ALPN and PROXY, in milliseconds.
# jetty.strictKeepAlive.handshakeTimeout=10000

## What requestHeaderTimeout and firstRequestTimeout shrink to under pressure, in milliseconds.
# jetty.strictKeepAlive.minRequestHeaderTimeout=1000

## How many requests a connection may carry; the response to the last one says close.
# jetty.strictKeepAlive.maxRequestsPerConnection=1000

## The age from which the next response says close, in milliseconds.
# jetty.strictKeepAlive.maxConnectionAge=3600000

## The share, 0 to 1, by which the age is shortened at random.
# jetty.strictKeepAlive.maxConnectionAgeJitter=0.1

## Time from the server's FIN until the descriptor is free, at most, in milliseconds.
# jetty.strictKeepAlive.lingerTimeout=2000

## The same behind a request body that was not read to its end, in milliseconds.
# jetty.strictKeepAlive.unreadBodyLingerTimeout=10000

## Bytes a second below which a waiting exchange makes no progress; asked under pressure only.
# jetty.strictKeepAlive.minDataRate=240

## How long an exchange may wait before that is asked of it, in milliseconds.
# jetty.strictKeepAlive.dataRateGrace=5000

## How long, under pressure, an exchange goes on whose client has shut its output, in milliseconds.
# jetty.strictKeepAlive.abandonedTimeout=5000

## Whether to answer Connection: keep-alive with Keep-Alive: timeout=..., max=...
# jetty.strictKeepAlive.advertiseKeepAlive=true

## By how much the advertised timeout is shorter than the real one, in milliseconds.
# jetty.strictKeepAlive.keepAliveTimeoutBuffer=1000

## Pressure, 0 to 1, from which timeouts shrink.
# jetty.strictKeepAlive.elevatedAt=0.7

## Pressure, 0 to 1, from which idle connections are evicted.
# jetty.strictKeepAlive.highAt=0.8

## How far, 0 to 1, pressure falls below a threshold before its level is left.
# jetty.strictKeepAlive.hysteresis=0.05

## Share, 0 to 1, of the idle connections that one peer may hold under pressure, 0 for any.
# jetty.strictKeepAlive.fairShare=0.25

## Descriptors kept free for everything but connections.
## Not set, it is 1 % of the limit, but 16 to 256.
# jetty.strictKeepAlive.reservedDescriptors=64

## The limit of descriptors that counts, 0 for the process's own (ulimit -n).
# jetty.strictKeepAlive.descriptorLimit=0

## Governed connections at which pressure is 1, 0 for off.
# jetty.strictKeepAlive.maxConnections=0

## Whether accepting pauses when the reserve is reached.
# jetty.strictKeepAlive.pauseAcceptWhenCritical=true

## How often deadlines are looked at and descriptors are counted, in milliseconds.
# jetty.strictKeepAlive.sampleInterval=100
