package org.strictkeepalive.it;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A broker of Kafka, which Kafka Connect asks before it answers. */
final class KafkaBroker implements AutoCloseable {
    private final Process process;
    private final int port;

    KafkaBroker(Path directory) throws IOException, InterruptedException {
        port = FrameworkApp.freePort();
        Path file = Files.writeString(directory.resolve("broker.properties"), """
                process.roles=broker,controller
                node.id=1
                controller.quorum.bootstrap.servers=127.0.0.1:%2$d
                listeners=PLAINTEXT://127.0.0.1:%1$d,CONTROLLER://127.0.0.1:%2$d
                advertised.listeners=PLAINTEXT://127.0.0.1:%1$d,CONTROLLER://127.0.0.1:%2$d
                controller.listener.names=CONTROLLER
                offsets.topic.replication.factor=1
                log.dirs=%3$s
                """.formatted(
                        port, FrameworkApp.freePort(), directory.resolve("logs")));
        String id = "AAAAAAAAAAAAAAAAAAAAAQ";
        command(directory, "kafka.tools.StorageTool", "format", "--standalone", "-t", id, "-c", file.toString())
                .start()
                .waitFor();
        process = command(directory, "kafka.Kafka", file.toString()).start();
    }

    private static ProcessBuilder command(Path directory, String main, String... arguments) throws IOException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        List<String> command = new ArrayList<>(List.of(java, "-Xmx256m", "-XX:TieredStopAtLevel=1"));
        command.addAll(List.of("-cp", Framework.KAFKA_CONNECT.classPath(), main));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(new File(directory.toFile(), "broker.log")));
    }

    /** Writes the properties of a standalone Connect. */
    Path connect(Path directory, int rest) throws IOException {
        return Files.writeString(
                directory.resolve("connect.properties"), """
                bootstrap.servers=127.0.0.1:%d
                listeners=http://127.0.0.1:%d
                key.converter=org.apache.kafka.connect.storage.StringConverter
                value.converter=org.apache.kafka.connect.storage.StringConverter
                offset.storage.file.filename=%s
                """.formatted(port, rest, directory.resolve("offsets")));
    }

    @Override
    public void close() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(20, TimeUnit.SECONDS)) {
            process.destroyForcibly();
        }
    }
}
