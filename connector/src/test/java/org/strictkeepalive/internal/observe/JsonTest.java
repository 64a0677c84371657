package org.strictkeepalive.internal.observe;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.PressureLevel;

class JsonTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static JsonNode parse(Object value) throws JsonProcessingException {
        return JSON.readTree(Json.write(value));
    }

    @Test
    void aParserReadsWhatWasWritten() throws Exception {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("level", PressureLevel.HIGH);
        map.put("pressure", 0.5);
        map.put("nothing", null);
        map.put("none", List.of());
        map.put("list", Arrays.asList(1L, true, Map.of("a", -1)));
        assertEquals(JSON.valueToTree(map).toString(), parse(map).toString());
    }

    @Test
    void whatIsNoNumberInJsonIsText() throws Exception {
        assertEquals("NaN", parse(Double.NaN).asText());
        assertEquals("Infinity", parse(Double.POSITIVE_INFINITY).asText());
    }

    @Property(tries = 200)
    void anyTextComesBackAsItWas(@ForAll String text) throws JsonProcessingException {
        assertEquals(text, parse(text).asText());
        assertEquals(1, parse(Map.of(text, 1)).get(text).asInt());
    }
}
