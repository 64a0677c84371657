import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import javax.net.SocketFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/**
 * {@code PORT COUNT (clear|tls) REQUEST}: clients that send one request, in which {@code |} stands for the end of a line,
 * and then do nothing. It prints "ready", and ends with its input.
 */
public class Crowd {
    public static void main(String[] arguments) throws IOException, GeneralSecurityException, InterruptedException {
        SocketFactory plain = SocketFactory.getDefault();
        SocketFactory factory = arguments[2].equals("tls") ? trusting().getSocketFactory() : plain;
        byte[] request = arguments[3].replace("|", "\r\n").getBytes(StandardCharsets.US_ASCII);
        List<Socket> sockets = new ArrayList<>();
        for (int i = 0; i < Integer.parseInt(arguments[1]); i++) {
            Socket socket = factory.createSocket(InetAddress.getLoopbackAddress(), Integer.parseInt(arguments[0]));
            sockets.add(socket);
            socket.getOutputStream().write(request);
            socket.getOutputStream().flush();
        }
        Thread.sleep(2_000);
        System.out.println("ready");
        System.in.read();
        System.out.println(sockets.size());
    }

    private static SSLContext trusting() throws GeneralSecurityException {
        SSLContext context = SSLContext.getInstance("TLS");
        X509TrustManager all = new X509TrustManager() {
            @Override
            public void checkClientTrusted(X509Certificate[] chain, String type) {}

            @Override
            public void checkServerTrusted(X509Certificate[] chain, String type) {}

            @Override
            public X509Certificate[] getAcceptedIssuers() {
                return new X509Certificate[0];
            }
        };
        context.init(null, new TrustManager[] {all}, null);
        return context;
    }
}
