package io.restunnel.app.settings;

import android.content.SharedPreferences;
import java.time.LocalDate;
import java.util.HashMap;
import java.util.Map;

/**
 * Counts bytes: of each hub today, and of mobile data this month. Each byte of a stream passes the phone's network twice, once to the hub
 * and once to the site, and both cost; so the month counts what the system says of the whole app. The date is an argument: the phone's
 * own calendar decides when a day or a month is over.
 */
public final class DataMeter {
    private static final long UNKNOWN = -1;

    private final SharedPreferences stored;
    private final Map<String, Long> todayByHub = new HashMap<>();
    private final Map<String, Long> lastByHub = new HashMap<>();
    private long day;
    private long month;
    private long mobileBytes;
    private long lastTotal;

    public DataMeter(SharedPreferences stored) {
        this.stored = stored;
        day = stored.getLong("day", 0);
        month = stored.getLong("month", 0);
        mobileBytes = stored.getLong("mobileBytes", 0);
        lastTotal = stored.getLong("lastTotal", UNKNOWN);
        for (Map.Entry<String, ?> entry : stored.getAll().entrySet()) {
            if (entry.getKey().startsWith("hub ")) todayByHub.put(entry.getKey().substring(4), (Long) entry.getValue());
        }
    }

    /**
     * @param totalBytes of the whole app since the phone started, both directions; it falls when the phone starts anew
     * @param onMobile   what came since the last call went over mobile data
     */
    public void countDevice(LocalDate today, long totalBytes, boolean onMobile) {
        turnPage(today);
        long more = lastTotal == UNKNOWN ? 0 : totalBytes < lastTotal ? totalBytes : totalBytes - lastTotal;
        lastTotal = totalBytes;
        if (onMobile) mobileBytes += more;
    }

    /** @param totalBytes of the hub since the node was made, both directions */
    public void countHub(LocalDate today, String hubPublicKey, long totalBytes) {
        turnPage(today);
        long last = lastByHub.getOrDefault(hubPublicKey, 0L);
        long more = totalBytes < last ? totalBytes : totalBytes - last;
        lastByHub.put(hubPublicKey, totalBytes);
        if (more > 0) todayByHub.merge(hubPublicKey, more, Long::sum);
    }

    /** The next node's counters start at 0. */
    public void nodeEnded() {
        lastByHub.clear();
    }

    public void forgetHub(String hubPublicKey) {
        todayByHub.remove(hubPublicKey);
        lastByHub.remove(hubPublicKey);
    }

    public long hubBytes(LocalDate today, String hubPublicKey) {
        turnPage(today);
        return todayByHub.getOrDefault(hubPublicKey, 0L);
    }

    public long allHubsBytes(LocalDate today) {
        turnPage(today);
        long sum = 0;
        for (long bytes : todayByHub.values()) sum += bytes;
        return sum;
    }

    public long mobileBytes(LocalDate today) {
        turnPage(today);
        return mobileBytes;
    }

    public void save() {
        SharedPreferences.Editor next = stored.edit().clear()
                .putLong("day", day).putLong("month", month).putLong("mobileBytes", mobileBytes).putLong("lastTotal", lastTotal);
        for (Map.Entry<String, Long> hub : todayByHub.entrySet()) next.putLong("hub " + hub.getKey(), hub.getValue());
        next.apply();
    }

    private void turnPage(LocalDate today) {
        if (today.toEpochDay() != day) {
            day = today.toEpochDay();
            todayByHub.clear();
        }
        long thisMonth = today.getYear() * 12L + today.getMonthValue();
        if (thisMonth != month) {
            month = thisMonth;
            mobileBytes = 0;
        }
    }
}
