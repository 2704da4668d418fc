package io.restunnel.app.service;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Notification;
import android.app.NotificationManager;
import android.content.Intent;
import android.content.pm.ServiceInfo;
import android.net.NetworkCapabilities;
import android.os.Build;
import io.restunnel.app.TestApp;
import io.restunnel.node.HubStatus.State;
import io.restunnel.node.UserException;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.android.controller.ServiceController;
import org.robolectric.shadows.ShadowPowerManager;

@RunWith(RobolectricTestRunner.class)
public final class NodeServiceTest {
    private TestApp app;
    private ServiceController<NodeService> service;

    private void start() throws UserException {
        app = TestApp.paired();
        app.plug(true, 80);
        service = Robolectric.buildService(NodeService.class).create().startCommand(0, 1);
        app.networkUp(1, NetworkCapabilities.TRANSPORT_WIFI);
        app.node().set(TestApp.KEY, State.CONNECTED, 0, null);
        TestApp.idle();
    }

    private Notification shown() {
        return shadowOf(app.getSystemService(NotificationManager.class)).getNotification(NodeNotification.ID);
    }

    private static String title(Notification notification) {
        return notification.extras.getCharSequence(Notification.EXTRA_TITLE).toString();
    }

    @Test
    public void runsInTheForegroundWithAQuietNotification() throws UserException {
        start();
        Notification shown = shadowOf(service.get()).getLastForegroundNotification();
        assertNotNull(shown);
        assertEquals(1, java.util.Collections.frequency(app.node().calls, "start"));
        assertEquals("Connected", title(shown()));
        assertTrue(shown().extras.getCharSequence(Notification.EXTRA_TEXT).toString().endsWith("today"));
        assertEquals(NotificationManager.IMPORTANCE_LOW,
                app.getSystemService(NotificationManager.class).getNotificationChannel(NodeNotification.CHANNEL).getImportance());
        assertEquals(Notification.FLAG_ONGOING_EVENT, shown().flags & Notification.FLAG_ONGOING_EVENT);
        if (Build.VERSION.SDK_INT >= 34) {
            assertEquals(ServiceInfo.FOREGROUND_SERVICE_TYPE_SPECIAL_USE, service.get().getForegroundServiceType());
        }
    }

    @Test
    public void theNotificationPausesAndResumes() throws UserException {
        start();
        Intent pause = shadowOf(shown().actions[0].actionIntent).getSavedIntent();
        assertEquals("Pause", shown().actions[0].title.toString());
        assertEquals(NodeService.class.getName(), pause.getComponent().getClassName());
        service.get().onStartCommand(pause, 0, 2);
        assertTrue(app.settings().paused());
        assertEquals("Paused", title(shown()));
        assertEquals("Resume", shown().actions[0].title.toString());
        service.get().onStartCommand(shadowOf(shown().actions[0].actionIntent).getSavedIntent(), 0, 3);
        assertFalse(app.settings().paused());
        assertEquals("Connected", title(shown()));
        // However often it is started, the node is started once.
        assertEquals(1, java.util.Collections.frequency(app.node().calls, "start"));
    }

    @Test
    public void keepsTheProcessorAwakeOnlyWhileBytesMove() throws UserException {
        start();
        assertFalse(isAwake());
        app.node().options.listener.activityChanged(true);
        TestApp.idle();
        assertTrue(isAwake());
        app.node().options.listener.activityChanged(false);
        TestApp.idle();
        assertFalse(isAwake());
        app.node().options.listener.activityChanged(true);
        TestApp.idle();
        service.destroy();
        assertFalse(isAwake());
    }

    private static boolean isAwake() {
        return ShadowPowerManager.getLatestWakeLock().isHeld();
    }

    @Test
    public void endsTheNodeWithTheService() throws UserException {
        start();
        service.destroy();
        TestApp.idle();
        assertTrue(app.node().calls.contains("stop"));
        assertFalse(app.host().isRunning());
        assertEquals(0, app.callbacks().size());
    }

    @Test
    public void stopsWhenTheLastHubIsForgotten() throws UserException {
        start();
        app.host().forget(TestApp.KEY, failure -> assertNull(failure));
        TestApp.idle();
        assertTrue(shadowOf(service.get()).isStoppedBySelf());
        assertFalse(app.settings().hasHubs());
    }

    @Test
    public void aNewDayIsNoticed() throws UserException {
        start();
        app.node().calls.clear();
        app.settings().setPaused(true);
        app.sendBroadcast(new Intent(Intent.ACTION_DATE_CHANGED));
        TestApp.idle();
        assertTrue(app.node().calls.contains("pause"));
    }

    @Test
    public void startsWithThePhoneOnceAHubIsPaired() throws UserException {
        BootReceiver receiver = new BootReceiver();
        receiver.onReceive(TestApp.get(), new Intent(Intent.ACTION_BOOT_COMPLETED));
        assertNull(shadowOf(TestApp.get()).getNextStartedService());
        app = TestApp.paired();
        for (String action : new String[] {Intent.ACTION_BOOT_COMPLETED, Intent.ACTION_MY_PACKAGE_REPLACED}) {
            receiver.onReceive(app, new Intent(action));
            assertEquals(NodeService.class.getName(), shadowOf(app).getNextStartedService().getComponent().getClassName());
        }
        receiver.onReceive(app, new Intent("of.another.app"));
        assertNull(shadowOf(app).getNextStartedService());
    }

    @Test
    public void theSystemsOwnBroadcastReachesTheReceiver() throws UserException {
        app = TestApp.paired();
        app.sendBroadcast(new Intent(Intent.ACTION_BOOT_COMPLETED));
        TestApp.idle();
        assertNotNull(shadowOf(app).getNextStartedService());
    }
}
