package io.restunnel.app.service;

import android.app.NotificationManager;
import android.app.Service;
import android.content.BroadcastReceiver;
import android.content.Context;
import android.content.Intent;
import android.content.IntentFilter;
import android.content.pm.ServiceInfo;
import android.os.Build;
import android.os.IBinder;
import android.os.PowerManager;
import android.util.Log;
import io.restunnel.app.App;
import io.restunnel.app.node.NodeHost;

/**
 * Keeps the process alive while there is a hub to serve, in the foreground as Android wants it: with a notification. Holds the processor
 * awake while bytes move, and not a moment longer.
 */
public final class NodeService extends Service implements NodeHost.Watcher {
    static final String PAUSE = "io.restunnel.app.PAUSE";
    static final String RESUME = "io.restunnel.app.RESUME";
    private static final String TAG = "restunnel";

    private NodeHost host;
    private NodeNotification notification;
    private PowerManager.WakeLock awake;
    private boolean watchesDays;

    /** A new day, or month, may lift the limit. */
    private final BroadcastReceiver days = new BroadcastReceiver() {
        @Override
        public void onReceive(Context context, Intent intent) {
            host.reconsider();
        }
    };

    /** Does nothing while no hub is paired: nobody wants a notification for that. */
    public static void start(Context context) {
        if (App.of(context).settings().hasHubs()) context.startForegroundService(new Intent(context, NodeService.class));
    }

    @Override
    public void onCreate() {
        super.onCreate();
        App app = App.of(this);
        host = app.host();
        notification = new NodeNotification(this, app);
        awake = getSystemService(PowerManager.class).newWakeLock(PowerManager.PARTIAL_WAKE_LOCK, "restunnel:bytes");
        awake.setReferenceCounted(false);
    }

    @Override
    public int onStartCommand(Intent intent, int flags, int startId) {
        if (!enterForeground()) {
            stopSelf();
            return START_NOT_STICKY;
        }
        String action = intent == null ? null : intent.getAction();
        if (PAUSE.equals(action)) host.setPaused(true);
        if (RESUME.equals(action)) host.setPaused(false);
        if (!watchesDays) {
            watchesDays = true;
            IntentFilter filter = new IntentFilter(Intent.ACTION_DATE_CHANGED);
            filter.addAction(Intent.ACTION_TIME_CHANGED);
            filter.addAction(Intent.ACTION_TIMEZONE_CHANGED);
            registerReceiver(days, filter);
            host.watch(this);
            host.run();
        }
        nodeChanged();
        return START_STICKY;
    }

    @Override
    public void nodeChanged() {
        if (host.isOpen() && host.hubs().isEmpty()) {
            stopSelf();
            return;
        }
        if (host.isActive()) awake.acquire();
        else if (awake.isHeld()) awake.release();
        if (notification.hasChanged()) getSystemService(NotificationManager.class).notify(NodeNotification.ID, notification.build());
    }

    @Override
    public void onDestroy() {
        host.unwatch(this);
        if (watchesDays) {
            unregisterReceiver(days);
            host.halt();
        }
        if (awake.isHeld()) awake.release();
        super.onDestroy();
    }

    @Override
    public IBinder onBind(Intent intent) {
        return null;
    }

    private boolean enterForeground() {
        try {
            if (Build.VERSION.SDK_INT >= 34) {
                startForeground(NodeNotification.ID, notification.build(), ServiceInfo.FOREGROUND_SERVICE_TYPE_SPECIAL_USE);
            } else startForeground(NodeNotification.ID, notification.build());
            return true;
        } catch (IllegalStateException refused) {
            // ForegroundServiceStartNotAllowedException, since Android 12: the system restarted the service at a time when it lets no app do this.
            Log.w(TAG, "Android lets the service not run in the foreground now", refused);
            return false;
        }
    }
}
