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
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveSetting;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;

/**
 * The MBean of a {@link StrictKeepAliveConnectionFactory}: an attribute for each {@link KeepAliveSetting}, beside those
 * that Jetty makes. Times are in milliseconds. Jetty finds this class by its name.
 */
public final class StrictKeepAliveConnectionFactoryMBean extends ObjectMBean {
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
        KeepAliveSetting setting = KeepAliveSetting.find(name).orElse(null);
        return setting == null
                ? super.getAttribute(name)
                : plain(setting, factory.getPolicy().get(setting));
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
        if (KeepAliveSetting.find(attribute.getName()).isEmpty()) {
            super.setAttribute(attribute);
            return;
        }
        try {
            KeepAlivePolicy.Builder builder = factory.getPolicy().toBuilder();
            builder.set(attribute.getName(), String.valueOf(attribute.getValue()));
            factory.setPolicy(builder.build());
        } catch (IllegalArgumentException x) {
            throw new MBeanException(x);
        }
    }
}
