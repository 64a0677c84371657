package org.strictkeepalive.jmx;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.management.AttributeNotFoundException;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanException;
import javax.management.MBeanInfo;
import javax.management.ReflectionException;
import javax.management.openmbean.CompositeData;
import javax.management.openmbean.CompositeDataSupport;
import javax.management.openmbean.CompositeType;
import javax.management.openmbean.OpenDataException;
import javax.management.openmbean.OpenType;
import javax.management.openmbean.SimpleType;
import javax.management.openmbean.TabularData;
import javax.management.openmbean.TabularDataSupport;
import javax.management.openmbean.TabularType;
import org.eclipse.jetty.jmx.ObjectMBean;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAliveStatistics;

/**
 * The MBean of {@link KeepAliveStatistics}. Maps are open types, which exporters of metrics read: {@link CompositeData}
 * with all keys, also those whose number is zero, and {@link TabularData} where the keys are addresses or connectors. Jetty finds this
 * class by its name.
 */
public final class KeepAliveStatisticsMBean extends ObjectMBean {
    private static final String BY_PEER = "racesByPeer";
    private static final String BY_CONNECTOR = "ByConnector";
    private static final String BY_REASON = "ByReason";
    private static final String KEY = "key";
    private static final String VALUE = "value";

    /**
     * Creates the MBean of statistics.
     *
     * @param managed the statistics
     */
    public KeepAliveStatisticsMBean(Object managed) {
        super(managed);
    }

    @Override
    public MBeanInfo getMBeanInfo() {
        MBeanInfo info = super.getMBeanInfo();
        MBeanAttributeInfo[] attributes = info.getAttributes();
        for (int i = 0; i < attributes.length; i++) {
            MBeanAttributeInfo one = attributes[i];
            if (one.getType().equals(Map.class.getName())) {
                Class<?> type = isOpenEnded(one.getName()) ? TabularData.class : CompositeData.class;
                attributes[i] = new MBeanAttributeInfo(
                        one.getName(),
                        type.getName(),
                        one.getDescription(),
                        one.isReadable(),
                        one.isWritable(),
                        one.isIs());
            }
        }
        return new MBeanInfo(
                info.getClassName(),
                info.getDescription(),
                attributes,
                info.getConstructors(),
                info.getOperations(),
                info.getNotifications(),
                info.getDescriptor());
    }

    @Override
    public Object getAttribute(String name) throws AttributeNotFoundException, ReflectionException, MBeanException {
        Object value = super.getAttribute(name);
        if (!(value instanceof Map<?, ?> map)) {
            return value;
        }
        try {
            return isOpenEnded(name) ? table(name, map) : composite(name, name.endsWith(BY_REASON) ? full(map) : map);
        } catch (OpenDataException x) {
            throw new MBeanException(x);
        }
    }

    /** Whether its keys are not known in advance. */
    private static boolean isOpenEnded(String name) {
        return name.equals(BY_PEER) || name.endsWith(BY_CONNECTOR);
    }

    /** With all reasons, also those that have not occurred. */
    private static Map<String, Object> full(Map<?, ?> byReason) {
        Map<String, Object> result = new LinkedHashMap<>();
        for (CloseReason reason : CloseReason.values()) {
            Object count = byReason.get(reason.name());
            result.put(reason.name(), count == null ? Long.valueOf(0) : count);
        }
        return result;
    }

    private static CompositeData composite(String name, Map<?, ?> map) throws OpenDataException {
        List<String> keys = new ArrayList<>();
        List<OpenType<?>> types = new ArrayList<>();
        List<Object> values = new ArrayList<>();
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            keys.add(entry.getKey().toString());
            types.add(entry.getValue() instanceof Integer ? SimpleType.INTEGER : SimpleType.LONG);
            values.add(entry.getValue());
        }
        String[] names = keys.toArray(String[]::new);
        CompositeType type = new CompositeType(name, name, names, names, types.toArray(OpenType[]::new));
        return new CompositeDataSupport(type, names, values.toArray());
    }

    private static TabularData table(String name, Map<?, ?> map) throws OpenDataException {
        String[] columns = {KEY, VALUE};
        CompositeType row =
                new CompositeType(name, name, columns, columns, new OpenType<?>[] {SimpleType.STRING, SimpleType.LONG});
        TabularData result = new TabularDataSupport(new TabularType(name, name, row, new String[] {KEY}));
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            Object[] values = {entry.getKey(), ((Number) entry.getValue()).longValue()};
            result.put(new CompositeDataSupport(row, columns, values));
        }
        return result;
    }
}
