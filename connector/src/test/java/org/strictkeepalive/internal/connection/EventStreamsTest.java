package org.strictkeepalive.internal.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EventStreamsTest {
    @ParameterizedTest
    @CsvSource({
        "text/event-stream, true",
        "Text/Event-Stream, true",
        "text/event-stream;charset=utf-8, true",
        "text/event-stream ; charset=utf-8, true",
        "text/event-streams, false",
        "text/event, false",
        "text/plain, false"
    })
    void aResponseIsOneByItsContentType(String type, boolean expected) {
        HttpFields.Mutable headers =
                HttpFields.build().put(HttpHeader.SERVER, "a").put(HttpHeader.CONTENT_TYPE, type);
        assertEquals(expected, EventStreams.isOne(headers));
    }

    @Test
    void withoutAContentTypeItIsNone() {
        assertEquals(false, EventStreams.isOne(HttpFields.build()));
    }
}
