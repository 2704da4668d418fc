package io.restunnel.app.node;

import android.content.BroadcastReceiver;
import android.content.Context;
import android.content.Intent;
import android.content.IntentFilter;
import android.os.BatteryManager;

/** The battery: how full, and whether power comes in. Figures may be read by any thread. */
public final class PowerWatch {
    private final Context context;
    private Runnable listener;
    private volatile Integer percent;
    private volatile Boolean charging;

    private final BroadcastReceiver receiver = new BroadcastReceiver() {
        @Override
        public void onReceive(Context context, Intent battery) {
            read(battery);
        }
    };

    public PowerWatch(Context context) {
        this.context = context;
    }

    /** @param hearing called by the main thread when a figure differs */
    public void start(Runnable hearing) {
        // The broadcast is sticky: it answers at once.
        read(context.registerReceiver(receiver, new IntentFilter(Intent.ACTION_BATTERY_CHANGED)));
        listener = hearing;
    }

    public void stop() {
        listener = null;
        context.unregisterReceiver(receiver);
    }

    /** 0 to 100; null: not known. */
    public Integer percent() {
        return percent;
    }

    /** Null: not known. */
    public Boolean charging() {
        return charging;
    }

    private void read(Intent battery) {
        if (battery == null) return;
        int level = battery.getIntExtra(BatteryManager.EXTRA_LEVEL, -1);
        int scale = battery.getIntExtra(BatteryManager.EXTRA_SCALE, -1);
        int plugged = battery.getIntExtra(BatteryManager.EXTRA_PLUGGED, -1);
        Integer nowPercent = level < 0 || scale <= 0 ? null : Math.min(100, Math.round(100f * level / scale));
        // Plugged in and full is no longer "charging" for the battery, but still is for the owner.
        Boolean nowCharging = plugged < 0 ? null : plugged > 0;
        boolean differs = !String.valueOf(nowPercent).equals(String.valueOf(percent))
                || !String.valueOf(nowCharging).equals(String.valueOf(charging));
        percent = nowPercent;
        charging = nowCharging;
        if (differs && listener != null) listener.run();
    }
}
