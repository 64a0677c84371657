[description]
Gives the HTTP connections of all connectors a strict keep-alive policy:
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
## A time is such as 500ms, 75s, 2m or 1h; a plain number is in milliseconds.
## 0 or less switches a limit off. A wrong value stops the start.

## How long a connection may be idle, from the end of a response to the first byte of the next request.
## Not set, it is the connector's idle timeout.
# jetty.strictKeepAlive.keepAliveTimeout=30s

## What keepAliveTimeout shrinks to under pressure, and how long a reused connection is safe from eviction after a response.
# jetty.strictKeepAlive.minKeepAliveTimeout=1s

## The time from the first byte of a request to the end of its headers; a client that exceeds it gets a 408.
# jetty.strictKeepAlive.requestHeaderTimeout=10s

## The time from accept to the end of the first request's headers.
## Not set, it is the connector's idle timeout.
# jetty.strictKeepAlive.firstRequestTimeout=30s

## The time from accept to the end of TLS handshake, ALPN and PROXY header.
# jetty.strictKeepAlive.handshakeTimeout=10s

## What requestHeaderTimeout and firstRequestTimeout shrink to under pressure.
# jetty.strictKeepAlive.minRequestHeaderTimeout=1s

## How many requests a connection may carry; the last response says close.
# jetty.strictKeepAlive.maxRequestsPerConnection=10000

## The age, since accept, from which the next response says close; an idle connection is not closed for its age.
# jetty.strictKeepAlive.maxConnectionAge=1h

## The share by which each connection's maximum age is shortened at random.
# jetty.strictKeepAlive.maxConnectionAgeJitter=0.1

## How long the server waits, at most, for the client's FIN after its own.
# jetty.strictKeepAlive.lingerTimeout=2s

## The linger timeout after a request whose body was not read to its end.
# jetty.strictKeepAlive.unreadBodyLingerTimeout=10s

## The rate, in bytes a second, below which a waiting exchange is ended under pressure.
# jetty.strictKeepAlive.minDataRate=240

## How long an exchange may wait for its client before minDataRate applies.
# jetty.strictKeepAlive.dataRateGrace=5s

## The rate, in bytes a second, above which an exchange is never ended for being the slowest; 0 ends none for that.
# jetty.strictKeepAlive.fastDataRate=16384

## How long, under pressure, an exchange goes on after its client has shut its output; it shrinks to 1s and has no effect over TLS.
# jetty.strictKeepAlive.abandonedTimeout=5s

## Whether responses say Keep-Alive: timeout=..., max=... to clients that ask for it.
# jetty.strictKeepAlive.advertiseKeepAlive=true

## By how much the advertised timeout is shorter than the real one.
# jetty.strictKeepAlive.keepAliveTimeoutBuffer=1s

## The pressure from which timeouts shrink (ELEVATED).
# jetty.strictKeepAlive.elevatedAt=0.7

## The pressure from which idle connections are evicted (HIGH).
# jetty.strictKeepAlive.highAt=0.8

## How far below its threshold a level is left.
# jetty.strictKeepAlive.hysteresis=0.05

## The share of the idle connections that one address (IPv6: /64) may hold under pressure; what it holds beyond that is evicted first.
# jetty.strictKeepAlive.fairShare=0.25

## The number of descriptors kept free for everything but connections; at most a tenth of the connections' room, and always more than the acceptor threads.
## Not set, it is 1 % of the limit, but 16 to 256.
# jetty.strictKeepAlive.reservedDescriptors=64

## The descriptors that count as the limit, at most the process's own; 0 for that.
# jetty.strictKeepAlive.descriptorLimit=0

## The number of governed connections at which pressure is 1; 0 for none.
# jetty.strictKeepAlive.maxConnections=0

## Whether accepting pauses while only the reserve is free (CRITICAL).
# jetty.strictKeepAlive.pauseAcceptWhenCritical=true

## Whether visitors are answered with 503 while busy requests hold all the room.
# jetty.strictKeepAlive.refuseWhenFull=false

## How often deadlines are checked and descriptors are counted; more often while deadlines pass, and at CRITICAL.
# jetty.strictKeepAlive.sampleInterval=100ms
