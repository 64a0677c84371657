package org.strictkeepalive.jmx;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.management.Attribute;
import javax.management.AttributeNotFoundException;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanException;
import javax.management.MBeanInfo;
import javax.management.ReflectionException;
import org.eclipse.jetty.jmx.ObjectMBean;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveSetting;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;

/**
 * The MBean of a {@link StrictKeepAliveConnectionFactory}: an attribute for each {@link KeepAliveSetting}, beside those
 * that Jetty makes. Times are in milliseconds. A setting whose default depends on the connector or the process reads -1
 * where it is not set, and writing -1 brings that default back; what is in force then has an attribute of its own, such as
 * {@code effectiveKeepAliveTimeout}. So writing what was read changes nothing. Jetty finds this class by its name.
 */
public final class StrictKeepAliveConnectionFactoryMBean extends ObjectMBean {
    private static final String EFFECTIVE = "effective";
    private static final String NOT_SET = "-1";

    private final StrictKeepAliveConnectionFactory factory;

    /**
     * Creates the MBean of a factory.
     *
     * @param managed the factory
     */
    public StrictKeepAliveConnectionFactoryMBean(Object managed) {
        super(managed);
        factory = (StrictKeepAliveConnectionFactory) managed;
    }

    @Override
    public MBeanInfo getMBeanInfo() {
        MBeanInfo info = super.getMBeanInfo();
        List<MBeanAttributeInfo> attributes = new ArrayList<>(Arrays.asList(info.getAttributes()));
        for (KeepAliveSetting setting : KeepAliveSetting.values()) {
            boolean is = setting.getUnit() == KeepAliveSetting.Unit.TRUTH;
            attributes.add(
                    new MBeanAttributeInfo(setting.getName(), type(setting), setting.getDescription(), true, true, is));
            if (hasEffective(setting)) {
                attributes.add(new MBeanAttributeInfo(
                        EFFECTIVE + capitalized(setting),
                        type(setting),
                        "The value in force of " + setting + ".",
                        true,
                        false,
                        false));
            }
        }
        return new MBeanInfo(
                info.getClassName(),
                info.getDescription(),
                attributes.toArray(MBeanAttributeInfo[]::new),
                info.getConstructors(),
                info.getOperations(),
                info.getNotifications(),
                info.getDescriptor());
    }

    private static boolean hasEffective(KeepAliveSetting setting) {
        return setting.getDefault() == null || setting == KeepAliveSetting.DESCRIPTOR_LIMIT;
    }

    private static String capitalized(KeepAliveSetting setting) {
        String name = setting.getName();
        return Character.toUpperCase(name.charAt(0)) + name.substring(1);
    }

    private static String type(KeepAliveSetting setting) {
        return switch (setting.getUnit()) {
            case DURATION, AMOUNT -> "long";
            case COUNT -> "int";
            case SHARE -> "double";
            case TRUTH -> "boolean";
        };
    }

    @Override
    public Object getAttribute(String name) throws AttributeNotFoundException, ReflectionException, MBeanException {
        KeepAliveSetting setting = setting(name);
        if (setting != null) {
            return plain(setting, factory.getPolicy().get(setting));
        }
        for (KeepAliveSetting one : KeepAliveSetting.values()) {
            if (hasEffective(one) && name.equals(EFFECTIVE + capitalized(one))) {
                return plain(one, factory.getEffective(one));
            }
        }
        return super.getAttribute(name);
    }

    /** The setting of exactly this name, null if there is none. */
    private static KeepAliveSetting setting(String name) {
        return KeepAliveSetting.find(name)
                .filter(found -> found.getName().equals(name))
                .orElse(null);
    }

    /** Returns a value as a type of the JDK that every client shows; -1 for a default that depends on the server. */
    private static Object plain(KeepAliveSetting setting, Object value) {
        boolean duration = setting.getUnit() == KeepAliveSetting.Unit.DURATION;
        if (value == null) {
            return duration ? (Object) Long.valueOf(-1) : Integer.valueOf(-1);
        }
        return duration ? ((Duration) value).toMillis() : value;
    }

    @Override
    public void setAttribute(Attribute attribute)
            throws AttributeNotFoundException, ReflectionException, MBeanException {
        KeepAliveSetting setting = setting(attribute.getName());
        if (setting == null) {
            super.setAttribute(attribute);
            return;
        }
        try {
            String text = String.valueOf(attribute.getValue());
            requireWithinProcess(setting, text);
            KeepAlivePolicy.Builder builder = factory.getPolicy().toBuilder();
            builder.set(setting.getName(), setting.getDefault() == null && text.equals(NOT_SET) ? "default" : text);
            factory.setPolicy(builder.build());
        } catch (IllegalArgumentException x) {
            throw new MBeanException(x);
        }
    }

    private void requireWithinProcess(KeepAliveSetting setting, String text) {
        DescriptorMonitor monitor = factory.getDescriptorMonitor();
        long most = monitor == null ? -1 : monitor.getProcessDescriptorLimit();
        if (setting == KeepAliveSetting.DESCRIPTOR_LIMIT
                && most >= 0
                && (long) setting.parse(text) > most
                && !setting.parse(text).equals(factory.getPolicy().get(setting))) {
            throw new IllegalArgumentException(
                    setting + ": " + text + " (expected: at most the " + most + " of the process)");
        }
    }
}
