package org.strictkeepalive.it;

import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.server.handlers.BlockingHandler;
import java.nio.ByteBuffer;
import org.xnio.Options;

/** Undertow with {@code no-request-timeout} as WildFly has it, and its bounds for connections and headers. */
final class UndertowPeer {
    private UndertowPeer() {}

    public static void main(String[] args) {
        Undertow.builder()
                .addHttpListener(Integer.parseInt(args[0]), PeerAnswers.HOST)
                .setServerOption(UndertowOptions.NO_REQUEST_TIMEOUT, 60_000)
                .setServerOption(UndertowOptions.REQUEST_PARSE_TIMEOUT, 10_000)
                .setSocketOption(Options.CONNECTION_HIGH_WATER, PeerAnswers.MOST_CONNECTIONS)
                .setSocketOption(Options.CONNECTION_LOW_WATER, PeerAnswers.MOST_CONNECTIONS)
                .setSocketOption(Options.BACKLOG, PeerAnswers.BACKLOG)
                .setHandler(new BlockingHandler(exchange ->
                        exchange.getResponseSender().send(ByteBuffer.wrap(PeerAnswers.to(exchange.getRequestPath())))))
                .build()
                .start();
    }
}
