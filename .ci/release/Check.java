import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/**
 * Checks a folder that "mvn deploy" filled as Maven Central would, and a little more. Arguments: the folder, the
 * version, and "signed" if every file needs a signature.
 */
public class Check {
    private static final String PARENT = "strict-keepalive-parent";
    private static final String CONNECTOR = "jetty-strict-keepalive";

    private final List<String> faults = new ArrayList<>();
    private final Path group;
    private final String version;
    private final boolean signed;

    Check(Path folder, String version, boolean signed) {
        this.group = folder.resolve("org/strictkeepalive");
        this.version = version;
        this.signed = signed;
    }

    public static void main(String[] args) throws Exception {
        Check check = new Check(Path.of(args[0]), args[1], args.length > 2 && args[2].equals("signed"));
        check.run();
        check.faults.forEach(fault -> System.err.println("release: " + fault));
        System.exit(check.faults.isEmpty() ? 0 : 1);
    }

    private void run() throws Exception {
        if (!version.matches("\\d+\\.\\d+\\.\\d+")) {
            faults.add("version " + version + " is none of a release");
        }
        files(PARENT, Set.of(".pom"));
        files(
                CONNECTOR,
                Set.of(
                        ".pom",
                        ".jar",
                        "-sources.jar",
                        "-javadoc.jar",
                        "-jetty-home.tar.gz",
                        "-cyclonedx.json",
                        "-cyclonedx.xml"));
        try (Stream<Path> artifacts = Files.list(group)) {
            artifacts
                    .map(path -> path.getFileName().toString())
                    .filter(name -> !Set.of(PARENT, CONNECTOR).contains(name))
                    .forEach(name -> faults.add(name + " is deployed"));
        }
        if (!faults.isEmpty()) {
            return;
        }
        Element parent = pom(PARENT);
        fields(PARENT, parent, parent);
        fields(CONNECTOR, pom(CONNECTOR), parent);
        jars();
        String materials = Files.readString(file(CONNECTOR, "-cyclonedx.json"));
        for (String purl : List.of("pkg:maven/org.strictkeepalive/" + CONNECTOR + "@" + version, "/slf4j-api@")) {
            if (!materials.contains(purl)) {
                faults.add("the bill of materials lacks " + purl);
            }
        }
    }

    private Path file(String artifact, String suffix) {
        return group.resolve(artifact).resolve(version).resolve(artifact + "-" + version + suffix);
    }

    /** The files are these and no others, each with its checksums and signature; Maven makes none of a signature. */
    private void files(String artifact, Set<String> suffixes) throws Exception {
        Set<String> expected = new TreeSet<>();
        for (String suffix : suffixes) {
            for (String signature : signed ? List.of("", ".asc") : List.of("")) {
                Path file = file(artifact, suffix + signature);
                expected.add(file.getFileName().toString());
                if (Files.exists(file) && signature.isEmpty()) {
                    checksum(file, ".md5", "MD5");
                    checksum(file, ".sha1", "SHA-1");
                }
            }
        }
        Set<String> found;
        try (Stream<Path> files = Files.list(group.resolve(artifact).resolve(version))) {
            found = files.map(path -> path.getFileName().toString())
                    .filter(name -> !name.endsWith(".md5") && !name.endsWith(".sha1"))
                    .collect(Collectors.toCollection(TreeSet::new));
        }
        expected.stream().filter(name -> !found.contains(name)).forEach(name -> faults.add(name + " is missing"));
        found.stream().filter(name -> !expected.contains(name)).forEach(name -> faults.add(name + " is deployed"));
    }

    private void checksum(Path file, String suffix, String algorithm) throws Exception {
        Path checksum = file.resolveSibling(file.getFileName() + suffix);
        String right =
                HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(Files.readAllBytes(file)));
        if (!Files.exists(checksum) || !Files.readString(checksum).trim().equals(right)) {
            faults.add(checksum.getFileName() + " is missing or wrong");
        }
    }

    private Element pom(String artifact) throws Exception {
        return DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(file(artifact, ".pom").toFile())
                .getDocumentElement();
    }

    /** What Maven Central asks of a POM, its own or its parent's. */
    private void fields(String artifact, Element pom, Element parent) throws Exception {
        for (String field : List.of("artifactId", "name", "description")) {
            if (text(pom, field).isEmpty()) {
                faults.add(artifact + ": the POM has no " + field);
            }
        }
        for (String field : List.of(
                "groupId",
                "version",
                "url",
                "licenses/license/name",
                "licenses/license/url",
                "developers/developer/name",
                "developers/developer/url",
                "scm/connection",
                "scm/developerConnection",
                "scm/url")) {
            if (text(pom, field).isEmpty() && text(parent, field).isEmpty()) {
                faults.add(artifact + ": the POM has no " + field);
            }
        }
        for (String field : List.of("repositories", "pluginRepositories", "distributionManagement")) {
            if (child(pom, field) != null) {
                faults.add(artifact + ": the POM has " + field);
            }
        }
        if (Files.readString(file(artifact, ".pom")).contains("-SNAPSHOT")) {
            faults.add(artifact + ": the POM names a SNAPSHOT");
        }
    }

    private static String text(Element element, String path) {
        Element found = element;
        for (String name : path.split("/")) {
            found = child(found, name);
            if (found == null) {
                return "";
            }
        }
        return found.getTextContent().trim();
    }

    private static Element child(Element element, String name) {
        for (Node node = element.getFirstChild(); node != null; node = node.getNextSibling()) {
            if (node instanceof Element child && child.getTagName().equals(name)) {
                return child;
            }
        }
        return null;
    }

    private void jars() throws Exception {
        Set<String> classes = entries(".jar");
        Set<String> sources = entries("-sources.jar");
        Set<String> pages = entries("-javadoc.jar");
        classes.stream()
                .filter(name -> name.endsWith(".class") && !name.contains("$") && !name.startsWith("META-INF/"))
                .map(name -> name.replaceFirst("class$", "java"))
                .filter(name -> !sources.contains(name))
                .forEach(name -> faults.add("the jar of the sources lacks " + name));
        if (pages.stream().noneMatch(name -> name.endsWith("index.html"))) {
            faults.add("the jar of the Javadoc has no index.html");
        }
        for (String page : List.of(
                "StrictKeepAlive.html", "KeepAlivePolicy.Builder.html", "micrometer/KeepAliveMetrics.html")) {
            if (pages.stream().noneMatch(name -> name.endsWith("org/strictkeepalive/" + page))) {
                faults.add("the jar of the Javadoc lacks " + page);
            }
        }
        if (!classes.contains("META-INF/LICENSE") || !classes.contains("module-info.class")) {
            faults.add("the jar lacks its licence or its module-info");
        }
        try (JarFile jar = new JarFile(file(CONNECTOR, ".jar").toFile());
                InputStream in = jar.getInputStream(jar.getEntry("META-INF/MANIFEST.MF"))) {
            Attributes manifest = new java.util.jar.Manifest(in).getMainAttributes();
            if (!version.equals(manifest.getValue("Bundle-Version"))) {
                faults.add("Bundle-Version is " + manifest.getValue("Bundle-Version"));
            }
            for (Object name : manifest.keySet()) {
                if (name.toString().matches("Bnd-LastModified|Build-?(Date|Time.*)|Built-By|Tool")) {
                    faults.add("the manifest tells " + name);
                }
            }
        }
    }

    private Set<String> entries(String suffix) throws Exception {
        try (JarFile jar = new JarFile(file(CONNECTOR, suffix).toFile())) {
            return jar.stream().map(entry -> entry.getName()).collect(Collectors.toCollection(TreeSet::new));
        }
    }
}
