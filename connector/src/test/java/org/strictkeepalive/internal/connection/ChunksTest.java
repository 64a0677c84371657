package org.strictkeepalive.internal.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChunksTest {
    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.replace("|", "\r\n").getBytes(StandardCharsets.US_ASCII));
    }

    /** A bar stands for CRLF. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "0||",
                "1|a|0||",
                "1|a|1|b|0||",
                "A|0123456789|0||",
                "a;name=value|0123456789|0||",
                "6|\n0|||0||",
                "1|a|0|Trailer: value||",
                "1|a|0||GET / HTTP/1.1|",
                "00||",
                "1\na\n0\n\n"
            })
    void aBodyIsWholeWithItsLastChunkAndTrailers(String body) {
        assertTrue(Chunks.isWhole(bytes(body)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "0",
                "0|",
                "1",
                "1|",
                "1|a",
                "1|a|",
                "1|a|0|",
                "1|a|0|Trailer: value|",
                "A|\n0|||",
                "FFFFFFFFFFFFFFF|a|0||",
                "FFFFFFFFFFFFFFFFFFFF|a|0||",
                "x|a|0||",
                "-1|a|0||"
            })
    void otherwiseItIsNot(String body) {
        assertFalse(Chunks.isWhole(bytes(body)));
    }

    @Test
    void itBeginsAtThePositionAndLeavesIt() {
        ByteBuffer buffer = bytes("0||x1|a|0||");
        buffer.position(6);
        assertTrue(Chunks.isWhole(buffer));
        assertEquals(6, buffer.position());
        assertFalse(Chunks.isWhole(buffer.slice(6, 5)));
    }
}
