package org.strictkeepalive.spring;

import io.micrometer.core.instrument.binder.MeterBinder;
import org.eclipse.jetty.server.Server;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnExpression;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Lazy;
import org.springframework.core.env.Environment;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.micrometer.KeepAliveMetrics;

/**
 * Governs the Jetty of an application of Spring Boot 3 or 4. It installs the policy with the settings of the properties
 * {@code strict-keep-alive.*}, makes the {@link DescriptorMonitor} a bean, binds its meters to the registry that is
 * there, and adds a health indicator that is out of service while the server drains.
 *
 * <p>With {@code strict-keep-alive.enabled=false} it governs nothing, nor where the application has installed a policy of
 * its own. A management port of its own stays plain Jetty.
 */
@AutoConfiguration
@ConditionalOnWebApplication
@ConditionalOnClass(Server.class)
class StrictKeepAliveAutoConfiguration {
    @Bean
    BootServer strictKeepAliveServer(Environment environment) {
        return new BootServer(BootSettings.policy(environment));
    }

    /**
     * The monitor of the server. Where there is none, in a test or if the policy is switched off, it is one that shows the
     * process only, so that what needs it starts nevertheless. Lazy, since the server has to come first.
     */
    @Bean
    @Lazy
    @ConditionalOnMissingBean
    DescriptorMonitor strictKeepAliveMonitor(BootServer server) {
        return server.monitor().orElseGet(() -> DescriptorMonitor.of(new Server()));
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnProperty(prefix = BootSettings.PREFIX, name = BootSettings.ENABLED, matchIfMissing = true)
    @ConditionalOnClass(org.springframework.boot.jetty.ConfigurableJettyWebServerFactory.class)
    static class Boot4 {
        @Bean
        WebServerFactoryCustomizer<org.springframework.boot.jetty.ConfigurableJettyWebServerFactory>
                strictKeepAliveCustomizer(BootServer server) {
            return factory -> factory.addServerCustomizers(server::install);
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnProperty(prefix = BootSettings.PREFIX, name = BootSettings.ENABLED, matchIfMissing = true)
    @ConditionalOnClass(org.springframework.boot.web.embedded.jetty.ConfigurableJettyWebServerFactory.class)
    static class Boot3 {
        @Bean
        WebServerFactoryCustomizer<org.springframework.boot.web.embedded.jetty.ConfigurableJettyWebServerFactory>
                strictKeepAliveCustomizer(BootServer server) {
            return factory -> factory.addServerCustomizers(server::install);
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnProperty(prefix = BootSettings.PREFIX, name = BootSettings.ENABLED, matchIfMissing = true)
    @ConditionalOnClass(MeterBinder.class)
    static class Metrics {
        @Bean
        MeterBinder strictKeepAliveMetrics(BootServer server) {
            return registry -> server.monitor().ifPresent(monitor -> new KeepAliveMetrics(monitor).bindTo(registry));
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnProperty(prefix = BootSettings.PREFIX, name = BootSettings.ENABLED, matchIfMissing = true)
    @ConditionalOnClass(org.springframework.boot.health.contributor.HealthIndicator.class)
    @ConditionalOnExpression(BootHealth.ENABLED)
    static class Health4 {
        @Bean
        org.springframework.boot.health.contributor.HealthIndicator strictKeepAliveHealthIndicator(BootServer server) {
            return () -> {
                BootHealth seen = BootHealth.of(server);
                return org.springframework.boot.health.contributor.Health.status(seen.status())
                        .withDetails(seen.details())
                        .build();
            };
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnProperty(prefix = BootSettings.PREFIX, name = BootSettings.ENABLED, matchIfMissing = true)
    @ConditionalOnClass(org.springframework.boot.actuate.health.HealthIndicator.class)
    @ConditionalOnExpression(BootHealth.ENABLED)
    static class Health3 {
        @Bean
        org.springframework.boot.actuate.health.HealthIndicator strictKeepAliveHealthIndicator(BootServer server) {
            return () -> {
                BootHealth seen = BootHealth.of(server);
                return org.springframework.boot.actuate.health.Health.status(seen.status())
                        .withDetails(seen.details())
                        .build();
            };
        }
    }
}
