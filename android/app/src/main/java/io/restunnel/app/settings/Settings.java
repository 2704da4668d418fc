package io.restunnel.app.settings;

import android.content.SharedPreferences;
import io.restunnel.app.network.NetworkUse;
import java.util.HashSet;
import java.util.Set;

/** What the owner chose on this phone. */
public final class Settings {
    /** Of {@link #mobileLimitBytes}: there is none. */
    public static final long NO_LIMIT = 0;

    private final SharedPreferences stored;

    public Settings(SharedPreferences stored) {
        this.stored = stored;
    }

    public NetworkUse networkUse() {
        String name = stored.getString("networkUse", NetworkUse.BOTH.name());
        for (NetworkUse use : NetworkUse.values()) if (use.name().equals(name)) return use;
        return NetworkUse.BOTH;
    }

    public void setNetworkUse(NetworkUse use) {
        stored.edit().putString("networkUse", use.name()).apply();
    }

    public boolean onlyWhileCharging() {
        return stored.getBoolean("onlyWhileCharging", false);
    }

    public void setOnlyWhileCharging(boolean only) {
        stored.edit().putBoolean("onlyWhileCharging", only).apply();
    }

    /** Bytes of mobile data a calendar month, in both directions, or {@link #NO_LIMIT}. */
    public long mobileLimitBytes() {
        return stored.getLong("mobileLimitBytes", NO_LIMIT);
    }

    public void setMobileLimitBytes(long bytes) {
        stored.edit().putLong("mobileLimitBytes", bytes).apply();
    }

    public boolean paused() {
        return stored.getBoolean("paused", false);
    }

    public void setPaused(boolean paused) {
        stored.edit().putBoolean("paused", paused).apply();
    }

    /** Public keys. */
    public Set<String> pausedHubs() {
        return new HashSet<>(stored.getStringSet("pausedHubs", new HashSet<>()));
    }

    public void setHubPaused(String hubPublicKey, boolean paused) {
        Set<String> hubs = pausedHubs();
        if (paused) hubs.add(hubPublicKey);
        else hubs.remove(hubPublicKey);
        stored.edit().putStringSet("pausedHubs", hubs).apply();
    }

    /** Whether there is a hub to serve, so that the phone's start need not open the Keystore to know. */
    public boolean hasHubs() {
        return stored.getBoolean("hasHubs", false);
    }

    public void setHasHubs(boolean has) {
        if (has != hasHubs()) stored.edit().putBoolean("hasHubs", has).apply();
    }
}
