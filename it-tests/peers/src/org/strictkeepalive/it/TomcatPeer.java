package org.strictkeepalive.it;

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.file.Path;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

/** Tomcat with the {@code connectionTimeout} of the {@code server.xml} that it ships. */
final class TomcatPeer {
    private TomcatPeer() {}

    public static void main(String[] args) throws Exception {
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(Path.of(args[1]).toString());
        Connector connector = new Connector();
        connector.setPort(Integer.parseInt(args[0]));
        connector.setProperty("address", PeerAnswers.HOST);
        connector.setProperty("acceptCount", Integer.toString(PeerAnswers.BACKLOG));
        connector.setProperty("maxConnections", Integer.toString(PeerAnswers.MOST_CONNECTIONS));
        connector.setProperty("connectionTimeout", "20000");
        tomcat.setConnector(connector);
        Context context = tomcat.addContext("", null);
        Tomcat.addServlet(context, "answers", new Answers());
        context.addServletMapping("/*", "answers");
        tomcat.start();
        tomcat.getServer().await();
    }

    private static final class Answers extends HttpServlet {
        private static final long serialVersionUID = 1L;

        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
            byte[] answer = PeerAnswers.to(request.getPathInfo());
            response.setContentLength(answer.length);
            response.getOutputStream().write(answer);
        }
    }
}
