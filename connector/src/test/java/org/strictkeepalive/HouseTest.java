package org.strictkeepalive;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static java.util.stream.Collectors.joining;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The structure of the source: which package may know which, no two classes know each other, no file is long. */
class HouseTest {
    private static final String ROOT = "org.strictkeepalive";
    private static final String INTERNAL = ROOT + ".internal.";
    private static final int MOST_LINES = 400;

    /** The classes of the exported package that know no other class of ours but each other. */
    private static final Set<String> VOCABULARY = Set.of(
            "KeepAlivePolicy",
            "KeepAliveSetting",
            "KeepAliveListener",
            "PressureSource",
            "CloseReason",
            "ConnectionState",
            "PressureLevel",
            "SettingValues",
            "DurationText");

    private static JavaClasses main;

    @BeforeAll
    static void read() throws Exception {
        main = new ClassFileImporter()
                .importPath(Path.of(StrictKeepAlive.class
                        .getProtectionDomain()
                        .getCodeSource()
                        .getLocation()
                        .toURI()));
    }

    private static JavaClass topLevel(JavaClass type) {
        JavaClass element = type.getBaseComponentType();
        return element.getEnclosingClass().map(HouseTest::topLevel).orElse(element);
    }

    private static DescribedPredicate<JavaClass> exported(boolean vocabulary) {
        return DescribedPredicate.describe(
                vocabulary ? "the vocabulary" : "the exported classes beside the vocabulary",
                type -> type.getPackageName().equals(ROOT)
                        && VOCABULARY.contains(topLevel(type).getSimpleName()) == vocabulary);
    }

    /** Since each layer may access lower ones only, there is no cycle between packages. */
    @Test
    void eachArrowGoesDown() {
        layeredArchitecture()
                .consideringOnlyDependenciesInLayers()
                .layer("jmx")
                .definedBy(ROOT + ".jmx")
                .layer("micrometer")
                .definedBy(ROOT + ".micrometer")
                .layer("spring")
                .definedBy(ROOT + ".spring")
                .layer("exported")
                .definedBy(exported(false))
                .layer("jetty")
                .definedBy(INTERNAL + "jetty")
                .layer("http2")
                .definedBy(INTERNAL + "http2")
                .layer("server")
                .definedBy(INTERNAL + "server")
                .layer("connection")
                .definedBy(INTERNAL + "connection")
                .layer("observe")
                .definedBy(INTERNAL + "observe")
                .layer("policy")
                .definedBy(INTERNAL + "policy")
                .layer("time")
                .definedBy(INTERNAL + "time")
                .layer("vocabulary")
                .definedBy(exported(true))
                .whereLayer("jmx")
                .mayOnlyAccessLayers("exported", "vocabulary")
                .whereLayer("micrometer")
                .mayOnlyAccessLayers("exported", "vocabulary")
                .whereLayer("spring")
                .mayOnlyAccessLayers("micrometer", "exported", "vocabulary")
                .whereLayer("exported")
                .mayOnlyAccessLayers("jetty", "server", "connection", "observe", "policy", "time", "vocabulary")
                .whereLayer("jetty")
                .mayOnlyAccessLayers("http2", "server", "connection", "observe", "policy", "time", "vocabulary")
                .whereLayer("http2")
                .mayOnlyAccessLayers("connection", "observe", "policy", "time", "vocabulary")
                .whereLayer("server")
                .mayOnlyAccessLayers("connection", "observe", "policy", "time", "vocabulary")
                .whereLayer("connection")
                .mayOnlyAccessLayers("observe", "policy", "time", "vocabulary")
                .whereLayer("observe")
                .mayOnlyAccessLayers("policy", "time", "vocabulary")
                .whereLayer("policy")
                .mayOnlyAccessLayers("vocabulary")
                .whereLayer("time")
                .mayNotAccessAnyLayer()
                .whereLayer("vocabulary")
                .mayNotAccessAnyLayer()
                .check(main);
    }

    @Test
    void everyClassIsInARoom() {
        Set<String> rooms = Set.of(
                ROOT,
                ROOT + ".jmx",
                ROOT + ".micrometer",
                ROOT + ".spring",
                INTERNAL + "jetty",
                INTERNAL + "http2",
                INTERNAL + "server",
                INTERNAL + "connection",
                INTERNAL + "observe",
                INTERNAL + "policy",
                INTERNAL + "time");
        Set<String> packages = new TreeSet<>();
        main.forEach(type -> packages.add(type.getPackageName()));
        assertEquals(new TreeSet<>(rooms), packages);
    }

    @Test
    void policyAndTimeKnowNeitherJettyNorAClock() {
        noClasses()
                .that(resideInAPackage(INTERNAL + "policy").or(resideInAPackage(INTERNAL + "time")))
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.eclipse.jetty..")
                .orShould()
                .dependOnClassesThat()
                .belongToAnyOf(Instant.class, Clock.class)
                .orShould()
                .callMethod(System.class, "nanoTime")
                .orShould()
                .callMethod(System.class, "currentTimeMillis")
                .check(main);
    }

    /** Nested classes count as their top-level class. */
    @Test
    void noTwoClassesKnowEachOther() {
        Map<String, Set<String>> known = new TreeMap<>();
        for (JavaClass type : main) {
            Set<String> others = known.computeIfAbsent(topLevel(type).getSimpleName(), name -> new TreeSet<>());
            for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
                JavaClass other = topLevel(dependency.getTargetClass());
                if (other.getPackageName().startsWith(ROOT)) {
                    others.add(other.getSimpleName());
                }
            }
        }
        List<String> circles = new Circles(known).find();
        require(circles, "These classes know each other, directly or through the others of their line:");
    }

    @Test
    void noFileIsLong() throws IOException {
        List<String> longer = new ArrayList<>();
        try (Stream<Path> files = Files.walk(Path.of("src/main/java"))) {
            files.filter(file -> file.toString().endsWith(".java")).sorted().forEach(file -> {
                int lines = lines(file);
                if (lines > MOST_LINES) {
                    longer.add(file.getFileName() + " has " + lines + " lines");
                }
            });
        }
        require(longer, "No file has more than " + MOST_LINES + " lines:");
    }

    private static int lines(Path file) {
        try {
            return Files.readAllLines(file).size();
        } catch (IOException x) {
            throw new UncheckedIOException(x);
        }
    }

    private static void require(List<String> wrong, String rule) {
        assertTrue(
                wrong.isEmpty(),
                () -> rule + wrong.stream().map(line -> "\n  " + line).collect(joining()));
    }

    /** Tarjan's algorithm: the strongly connected components of more than one class. */
    private static final class Circles {
        private final Map<String, Set<String>> known;
        private final Map<String, Integer> numbers = new HashMap<>();
        private final Map<String, Integer> lowest = new HashMap<>();
        private final Deque<String> path = new ArrayDeque<>();
        private final List<String> found = new ArrayList<>();

        private Circles(Map<String, Set<String>> known) {
            this.known = known;
        }

        private List<String> find() {
            for (String name : known.keySet()) {
                if (!numbers.containsKey(name)) {
                    visit(name);
                }
            }
            return found;
        }

        private void visit(String name) {
            numbers.put(name, numbers.size());
            lowest.put(name, numbers.get(name));
            path.push(name);
            for (String other : known.getOrDefault(name, Set.of())) {
                if (!numbers.containsKey(other)) {
                    visit(other);
                    lowest.merge(name, lowest.get(other), Math::min);
                } else if (path.contains(other)) {
                    lowest.merge(name, numbers.get(other), Math::min);
                }
            }
            if (lowest.get(name).equals(numbers.get(name))) {
                Set<String> component = new TreeSet<>();
                String last;
                do {
                    last = path.pop();
                    component.add(last);
                } while (!last.equals(name));
                if (component.size() > 1) {
                    found.add(component.size() + " classes: " + String.join(", ", component));
                    component.forEach(one -> component.stream()
                            .filter(two -> one.compareTo(two) < 0
                                    && known.get(one).contains(two)
                                    && known.get(two).contains(one))
                            .forEach(two -> found.add("    " + one + " and " + two)));
                }
            }
        }
    }
}
