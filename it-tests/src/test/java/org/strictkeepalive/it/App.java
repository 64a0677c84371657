package org.strictkeepalive.it;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/** A program compiled from its sources against a class path of its own, and run as a process. */
final class App implements AutoCloseable {
    private static final long WAIT_SECONDS = 180;

    private final Process process;
    private final Path log;

    private App(Process process, Path log) {
        this.process = process;
        this.log = log;
    }

    /** The class path of a module of {@code it-tests/apps}. */
    static String classPath(String module) throws IOException {
        return Files.readString(Path.of(System.getProperty("apps.directory"), module, "target", "class-path"));
    }

    /** Compiles sources, by file name, into a directory. */
    static void compile(Path directory, String classPath, Map<String, String> sources) throws IOException {
        List<Path> files = new ArrayList<>();
        for (Map.Entry<String, String> source : sources.entrySet()) {
            files.add(Files.writeString(directory.resolve(source.getKey()), source.getValue()));
        }
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter errors = new StringWriter();
        try (StandardJavaFileManager manager = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8)) {
            List<String> options = List.of("-proc:none", "-d", directory.toString(), "-cp", classPath);
            if (!compiler.getTask(errors, manager, null, options, null, manager.getJavaFileObjectsFromPaths(files))
                    .call()) {
                throw new IOException(errors.toString());
            }
        }
    }

    static App start(Path directory, String classPath, String main, String... arguments) throws IOException {
        return start(directory, classPath, Map.of(), main, arguments);
    }

    /** Starts it with environment variables. */
    static App start(Path directory, String classPath, Map<String, String> variables, String main, String... arguments)
            throws IOException {
        Path log = directory.resolve("output.log");
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp"));
        command.addAll(List.of(directory + File.pathSeparator + classPath, main));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putAll(variables);
        Process process = builder.directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        return new App(process, log);
    }

    /** Waits for a line of the output, and returns what the pattern's group matches in it. */
    String await(Pattern line) throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_SECONDS);
        while (true) {
            boolean last = process.waitFor(20, TimeUnit.MILLISECONDS) || System.nanoTime() - end >= 0;
            Matcher matcher = line.matcher(log());
            if (matcher.find()) {
                return matcher.group(1);
            }
            if (last) {
                close();
                throw new IOException("no " + line + " in: " + log());
            }
        }
    }

    /** Waits for a port in a line of the output. */
    int awaitPort(String line) throws IOException, InterruptedException {
        return Integer.parseInt(await(Pattern.compile(line.replace("{}", "(\\d+)\\b"))));
    }

    Process process() {
        return process;
    }

    String log() throws IOException {
        return Files.readString(log);
    }

    @Override
    public void close() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(20, TimeUnit.SECONDS)) {
            process.destroyForcibly();
        }
    }
}
