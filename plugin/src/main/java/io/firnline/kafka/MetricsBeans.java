package io.firnline.kafka;

import java.lang.management.ManagementFactory;
import java.util.Hashtable;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import javax.management.Attribute;
import javax.management.AttributeList;
import javax.management.AttributeNotFoundException;
import javax.management.DynamicMBean;
import javax.management.JMException;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanInfo;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The metrics over JMX, in a domain of their own: {@code firnline.kafka.remote:type=metrics} has an attribute for each
 * series without labels; for each set of labels there is a bean beside it, with the labels in its name.
 */
final class MetricsBeans {
    static final String DOMAIN = "firnline.kafka.remote";

    private static final Logger LOG = LoggerFactory.getLogger(MetricsBeans.class);

    private final MBeanServer server = ManagementFactory.getPlatformMBeanServer();
    private final Metrics metrics;
    private final Map<SortedMap<String, String>, ObjectName> beans = new LinkedHashMap<>();

    private boolean closed;

    /** Registers what there is. A broker without JMX works all the same, so a refusal is logged and that is all. */
    MetricsBeans(Metrics metrics) {
        this.metrics = metrics;
        register(new TreeMap<>());
        metrics.listen(series -> register(series.labels()));
    }

    synchronized void close() {
        closed = true;
        for (ObjectName name : beans.values()) {
            try {
                if (name != null) server.unregisterMBean(name);
            } catch (JMException | RuntimeException gone) {
                LOG.debug("the MBean {} was gone already", name, gone);
            }
        }
        beans.clear();
    }

    private synchronized void register(SortedMap<String, String> labels) {
        if (closed || beans.containsKey(labels)) return;
        ObjectName name = null;
        try {
            Hashtable<String, String> keys = new Hashtable<>(labels);
            keys.replaceAll((key, value) -> value.matches("[\\w.-]+") ? value : ObjectName.quote(value));
            keys.put("type", "metrics");
            name = new ObjectName(DOMAIN, keys);
            server.registerMBean(new Bean(labels), name);
        } catch (JMException | RuntimeException refused) {
            LOG.warn("metrics with labels {} are not shown over JMX: {}", labels, Failures.oneLine(refused));
            name = null;
        }
        // Also where it was refused: told once, not with each reading.
        beans.put(labels, name);
    }

    private final class Bean implements DynamicMBean {
        private final SortedMap<String, String> labels;

        Bean(SortedMap<String, String> labels) {
            this.labels = labels;
        }

        @Override
        public Object getAttribute(String attribute) throws AttributeNotFoundException {
            Double value = metrics.values().get(new Metrics.Series(attribute, labels));
            if (value == null) throw new AttributeNotFoundException(attribute);
            return value;
        }

        @Override
        public AttributeList getAttributes(String[] attributes) {
            AttributeList list = new AttributeList();
            for (String attribute : attributes) {
                Double value = metrics.values().get(new Metrics.Series(attribute, labels));
                if (value != null) list.add(new Attribute(attribute, value));
            }
            return list;
        }

        @Override
        public MBeanInfo getMBeanInfo() {
            metrics.tellNew();
            MBeanAttributeInfo[] attributes = metrics.values().keySet().stream()
                    .filter(series -> series.labels().equals(labels))
                    .map(series -> new MBeanAttributeInfo(
                            series.name(), "double", "see docs/metrics.md", true, false, false))
                    .toArray(MBeanAttributeInfo[]::new);
            return new MBeanInfo(FirnlineRemoteStorageManager.class.getName(), "Firnline", attributes, null, null, null);
        }

        @Override
        public void setAttribute(Attribute attribute) throws AttributeNotFoundException {
            throw new AttributeNotFoundException(attribute.getName() + " is not to be set");
        }

        @Override
        public AttributeList setAttributes(AttributeList attributes) {
            return new AttributeList();
        }

        @Override
        public Object invoke(String action, Object[] parameters, String[] signature) {
            throw new UnsupportedOperationException(action);
        }
    }
}
