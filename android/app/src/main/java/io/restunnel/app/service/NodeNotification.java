package io.restunnel.app.service;

import android.app.Notification;
import android.app.NotificationChannel;
import android.app.NotificationManager;
import android.app.PendingIntent;
import android.content.Context;
import android.content.Intent;
import android.graphics.drawable.Icon;
import io.restunnel.app.App;
import io.restunnel.app.R;
import io.restunnel.app.screen.MainActivity;
import io.restunnel.app.screen.Wording;

/** What the owner sees of the service: state and bytes in one line, without a sound, and a way to pause. */
final class NodeNotification {
    static final String CHANNEL = "tunnel";
    static final int ID = 1;

    private final Context context;
    private final App app;
    private final Wording wording;
    private String shown = "";

    NodeNotification(Context context, App app) {
        this.context = context;
        this.app = app;
        wording = new Wording(context);
        NotificationChannel channel =
                new NotificationChannel(CHANNEL, context.getString(R.string.channel_name), NotificationManager.IMPORTANCE_LOW);
        channel.setDescription(context.getString(R.string.channel_description));
        channel.setShowBadge(false);
        context.getSystemService(NotificationManager.class).createNotificationChannel(channel);
    }

    boolean hasChanged() {
        return !shown.equals(content());
    }

    Notification build() {
        shown = content();
        boolean paused = app.settings().paused();
        Intent change = new Intent(context, NodeService.class).setAction(paused ? NodeService.RESUME : NodeService.PAUSE);
        Notification.Action action = new Notification.Action.Builder(Icon.createWithResource(context, R.drawable.ic_notification),
                context.getString(paused ? R.string.resume : R.string.pause),
                PendingIntent.getForegroundService(context, 0, change, PendingIntent.FLAG_IMMUTABLE | PendingIntent.FLAG_UPDATE_CURRENT))
                .build();
        return new Notification.Builder(context, CHANNEL)
                .setSmallIcon(R.drawable.ic_notification)
                .setContentTitle(wording.state(app.host()))
                .setContentText(wording.today(app.host()))
                .setContentIntent(PendingIntent.getActivity(context, 0, new Intent(context, MainActivity.class),
                        PendingIntent.FLAG_IMMUTABLE))
                .addAction(action)
                .setCategory(Notification.CATEGORY_SERVICE)
                .setOngoing(true)
                .setOnlyAlertOnce(true)
                .setShowWhen(false)
                .build();
    }

    private String content() {
        return wording.state(app.host()) + '\n' + wording.today(app.host()) + '\n' + app.settings().paused();
    }
}
