package org.strictkeepalive.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DemoReportTest {
    @Test
    void pageHoldsTheDataAndNeedsNothingElse() throws Exception {
        DemoSide.Sample sample = new DemoSide.Sample(0.25, 99, "HIGH", 2, 1, 7);
        String page = DemoReport.page(Map.of("limit", 256, "name", "</script>", "samples", List.of(sample)));

        String start = "const data = ";
        int from = page.indexOf(start) + start.length();
        JsonNode data = new ObjectMapper().readTree(page.substring(from, page.indexOf(";\n", from)));
        assertEquals(256, data.get("limit").asInt());
        assertEquals("</script>", data.get("name").asText());
        assertEquals("HIGH", data.get("samples").get(0).get("level").asText());
        assertEquals(page.indexOf("</script>"), page.lastIndexOf("</script>"));
        assertFalse(page.contains("src=") || page.contains("@import") || page.contains("https://"), page);
    }

    @Test
    void tableTellsOfBothServers() {
        String table = DemoView.table(
                new DemoSide.Result(63, 218, 2004, 990, 10, 0, 256, 25),
                new DemoSide.Result(300, 0, 238, 1000, 0, 2, 211, 0));
        assertTrue(table.contains("22.4 % (63 of 281)"), table);
        assertTrue(table.contains("100.0 % (300 of 300)"), table);
        assertTrue(table.contains("10 of 1000") && table.contains("0 of 1000, 2 retried"), table);
    }

    @Test
    void liveViewFitsIntoEightyColumns() {
        StringWriter text = new StringWriter();
        DemoView view = new DemoView(new PrintWriter(text), true, 1_000_000);
        view.show(
                new DemoSide.Sample(299, 1_000_001, null, 3000, 3000, 30_000),
                new DemoSide.Sample(299, 999_999, "CRITICAL", 3000, 3000, 30_000));
        text.toString().replace("\u001b[2K", "").lines().forEach(row -> assertTrue(row.length() <= 80, row));
        assertTrue(text.toString().contains("CRITICAL"), text::toString);
    }

    @Test
    void everybodyIsServedOnlyIfNobodyWasLost() {
        assertTrue(new DemoSide.Result(300, 0, 238, 1000, 0, 2, 211, 0).isEverybodyServed());
        assertFalse(new DemoSide.Result(299, 1, 238, 1000, 0, 0, 211, 0).isEverybodyServed());
        assertFalse(new DemoSide.Result(300, 0, 238, 999, 1, 0, 211, 0).isEverybodyServed());
        assertFalse(new DemoSide.Result(0, 0, 0, 0, 0, 0, 0, 0).isEverybodyServed());
    }
}
