package io.firnline.kafka;

import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** Looks into its own class path before its parent's, as brokers do for plugins with a class path of their own. */
class ChildFirstLoader extends URLClassLoader {
    static {
        registerAsParallelCapable();
    }

    /**
     * @param classPath files and directories, parted as in {@code java -cp}; {@code dir/*} are the jars in it
     * @throws IOException naming the part that is not there
     */
    ChildFirstLoader(String classPath, ClassLoader parent) throws IOException {
        super(urls(classPath), parent);
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        synchronized (getClassLoadingLock(name)) {
            Class<?> found = findLoadedClass(name);
            if (found == null) found = own(name);
            if (found == null) return super.loadClass(name, resolve);
            if (resolve) resolveClass(found);
            return found;
        }
    }

    @Override
    public URL getResource(String name) {
        URL own = findResource(name);
        return own == null ? super.getResource(name) : own;
    }

    @Override
    public Enumeration<URL> getResources(String name) throws IOException {
        Set<URL> found = new LinkedHashSet<>(Collections.list(findResources(name)));
        if (getParent() != null) found.addAll(Collections.list(getParent().getResources(name)));
        return Collections.enumeration(found);
    }

    private Class<?> own(String name) {
        try {
            return findClass(name);
        } catch (ClassNotFoundException absent) {
            return null;
        }
    }

    private static URL[] urls(String classPath) throws IOException {
        List<URL> urls = new ArrayList<>();
        for (String part : classPath.split(File.pathSeparator)) {
            if (part.isBlank()) continue;
            boolean all = part.endsWith("/*");
            Path path = Path.of(all ? part.substring(0, part.length() - 2) : part);
            if (!(all ? Files.isDirectory(path) : Files.exists(path))) throw new IOException(part + " is not there");
            if (all) {
                for (Path jar : jars(path)) urls.add(jar.toUri().toURL());
            } else {
                urls.add(path.toUri().toURL());
            }
        }
        return urls.toArray(new URL[0]);
    }

    private static List<Path> jars(Path dir) throws IOException {
        try (Stream<Path> files = Files.list(dir)) {
            return files.filter(file -> file.toString().endsWith(".jar")).sorted().toList();
        }
    }
}
