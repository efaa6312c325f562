package org.apache.kafka.common.metrics;

/** The shape of an interface that brokers have since 4.1, for the compiler to look into; no class file is made of it. */
public interface Monitorable {
    void withPluginMetrics(PluginMetrics metrics);
}
