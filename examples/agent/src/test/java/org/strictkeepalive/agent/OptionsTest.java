package org.strictkeepalive.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OptionsTest {
    @Test
    void settingsAreReadByName() {
        assertEquals(
                Map.of("keepAliveTimeout", "75s", "maxRequestsPerConnection", "1000"),
                Options.parse("keepAliveTimeout=75s, maxRequestsPerConnection = 1000"));
    }

    @Test
    void withoutOptionsThereAreNoSettings() {
        assertEquals(Map.of(), Options.parse(null));
        assertEquals(Map.of(), Options.parse(" "));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "keepAliveTimeout=soon|keepAliveTimeout: soon (expected: a time",
                "keepAliveTimeot=75s|keepAliveTimeot: 75s (expected: the name of a setting)",
                "highAt=0.8,,fairShare=1|(expected: name=value,name=value)",
                "highAt|highAt (expected: name=value,name=value)",
                "highAt=0.8,highAt=0.9|highAt: 0.9 (expected: once)"
            })
    void aWrongOptionIsRefusedByItsName(String options, String message) {
        String told = assertThrows(IllegalArgumentException.class, () -> Options.parse(options))
                .getMessage();
        assertTrue(told.contains(message), told);
    }
}
