package io.firnline.kafka;

import java.util.LinkedHashMap;
import java.util.function.LongSupplier;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.metrics.Gauge;
import org.apache.kafka.common.metrics.Monitorable;
import org.apache.kafka.common.metrics.PluginMetrics;

/**
 * The same plugin with its metrics among the broker's own, too ({@code kafka.server:type=plugins}, and the broker's metric
 * reporters). A class of its own, because brokers before 4.1 lack the interface and could not load a class that names it.
 *
 * <p>It is of use only where the jar is on the broker's own class path: with {@code remote.log.storage.manager.class.path}
 * set, brokers up to 4.4 wrap plugins in a class that is not monitorable, and never ask.
 */
public class MonitoredRemoteStorageManager extends FirnlineRemoteStorageManager implements Monitorable {
    public MonitoredRemoteStorageManager() {}

    MonitoredRemoteStorageManager(Core.Opener opener, LongSupplier nanos) {
        super(opener, nanos);
    }

    /** Called by the broker once the plugin is configured. */
    @Override
    public void withPluginMetrics(PluginMetrics plugin) {
        Metrics metrics = metrics();
        if (metrics == null) return;
        metrics.listen(series -> {
            MetricName name = plugin.metricName(series.name(), "see docs/metrics.md", new LinkedHashMap<>(series.labels()));
            plugin.addMetric(name, (Gauge<Double>) (config, now) -> metrics.values().getOrDefault(series, 0.0));
        });
    }
}
