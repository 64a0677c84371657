import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.strictkeepalive.StrictKeepAlive;

/** An application as in the README: fails unless its one request is answered and governed. */
public class App {
    public static void main(String[] args) throws Exception {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server);
        server.addConnector(connector);
        server.setHandler(new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                response.write(true, java.nio.ByteBuffer.wrap("hello".getBytes()), callback);
                return true;
            }
        });
        StrictKeepAlive strict = StrictKeepAlive.install(server);
        server.start();
        URI uri = URI.create("http://localhost:" + connector.getLocalPort() + "/");
        String body = HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString())
                .body();
        long requests = strict.getDescriptorMonitor().getStatistics().getRequests();
        server.stop();
        if (!body.equals("hello") || requests != 1) {
            throw new AssertionError("body: " + body + ", governed requests: " + requests);
        }
    }
}
