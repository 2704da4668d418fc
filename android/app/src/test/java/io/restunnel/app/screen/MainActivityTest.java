package io.restunnel.app.screen;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.AlertDialog;
import android.content.ClipData;
import android.content.ClipboardManager;
import android.content.Intent;
import android.content.res.Configuration;
import android.graphics.Color;
import android.net.NetworkCapabilities;
import android.os.Build;
import android.os.PowerManager;
import android.provider.Settings;
import android.util.TypedValue;
import android.view.View;
import android.view.ViewGroup;
import android.widget.Button;
import android.widget.EditText;
import android.widget.RadioButton;
import android.widget.Switch;
import android.widget.TextView;
import io.restunnel.app.R;
import io.restunnel.app.TestApp;
import io.restunnel.app.network.NetworkUse;
import io.restunnel.node.Failure;
import io.restunnel.node.HubStatus.State;
import io.restunnel.node.UserException;
import java.time.Duration;
import org.junit.After;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.shadows.ShadowAlertDialog;

@RunWith(RobolectricTestRunner.class)
public final class MainActivityTest {
    private TestApp app = TestApp.get();
    private ActivityController<MainActivity> screen;

    private void open() {
        screen = Robolectric.buildActivity(MainActivity.class).setup();
        TestApp.idle();
    }

    private void openServing() throws UserException {
        app = TestApp.paired();
        app.plug(true, 80);
        app.host().run();
        app.networkUp(1, NetworkCapabilities.TRANSPORT_WIFI);
        app.node().set(TestApp.KEY, State.CONNECTED, 12_000_000, null);
        open();
    }

    @After
    public void close() {
        if (screen != null) screen.close();
    }

    private <V extends View> V find(int id) {
        return screen.get().findViewById(id);
    }

    private String text(int id) {
        return this.<TextView>find(id).getText().toString();
    }

    private boolean isShown(int id) {
        return find(id).getVisibility() == View.VISIBLE;
    }

    @Test
    public void saysHowToPairWhereNothingIsPaired() {
        open();
        assertEquals("Not paired yet", text(R.id.state));
        assertTrue(isShown(R.id.no_hub));
        assertFalse(isShown(R.id.pause_all));
        assertFalse(isShown(R.id.background));
    }

    @Test
    public void showsAHubAndItsFigures() throws UserException {
        openServing();
        assertEquals("Connected", text(R.id.state));
        assertEquals("hub.example.org:9000", text(R.id.hub_name));
        assertEquals("Connected", text(R.id.hub_state));
        String figures = text(R.id.hub_figures).replace('\u00a0', ' ');
        assertTrue(figures, figures.startsWith("3 streams, 12"));
        assertTrue(figures, figures.endsWith("Programs appear as 198.51.100.7"));
        assertFalse(isShown(R.id.hub_failure));
        app.node().set(TestApp.KEY, State.WAITING, 12_000_000, new Failure(Failure.Code.DIAL_TIMED_OUT));
        TestApp.idle();
        assertEquals("The hub does not answer", text(R.id.hub_failure));
        assertTrue(isShown(R.id.hub_failure));
        assertTrue(text(R.id.new_address_text).contains("airplane mode"));
    }

    @Test
    public void figuresChangeByThemselves() throws UserException {
        openServing();
        app.node().hubs.clear();
        shadowOf(screen.get().getMainLooper()).idleFor(Duration.ofSeconds(2));
        assertEquals(0, this.<ViewGroup>find(R.id.hubs).getChildCount());
    }

    @Test
    public void pausesOneHubAndAll() throws UserException {
        openServing();
        this.<Button>find(R.id.hub_pause).performClick();
        assertEquals("Resume", text(R.id.hub_pause));
        assertEquals("Resume hub.example.org:9000", find(R.id.hub_pause).getContentDescription().toString());
        assertTrue(app.settings().pausedHubs().contains(TestApp.KEY));
        this.<Button>find(R.id.pause_all).performClick();
        assertEquals("Paused", text(R.id.state));
        assertEquals("Resume", text(R.id.pause_all));
    }

    @Test
    public void forgetsAHubOnlyAfterAQuestion() throws UserException {
        openServing();
        find(R.id.hub_forget).performClick();
        AlertDialog question = (AlertDialog) ShadowAlertDialog.getLatestDialog();
        question.getButton(AlertDialog.BUTTON_NEGATIVE).performClick();
        TestApp.idle();
        assertFalse(app.node().calls.contains("forget"));
        find(R.id.hub_forget).performClick();
        question = (AlertDialog) ShadowAlertDialog.getLatestDialog();
        question.getButton(AlertDialog.BUTTON_POSITIVE).performClick();
        TestApp.idle();
        assertTrue(app.node().calls.contains("forget"));
        assertEquals(0, this.<ViewGroup>find(R.id.hubs).getChildCount());
    }

    @Test
    public void choicesAreKept() throws UserException {
        openServing();
        assertTrue(this.<RadioButton>find(R.id.network_both).isChecked());
        this.<RadioButton>find(R.id.network_mobile).performClick();
        assertEquals(NetworkUse.MOBILE, app.settings().networkUse());
        assertEquals("Waiting for a network that you allow", text(R.id.state));
        this.<Switch>find(R.id.only_charging).performClick();
        assertTrue(app.settings().onlyWhileCharging());
        find(R.id.change_limit).performClick();
        AlertDialog dialog = (AlertDialog) ShadowAlertDialog.getLatestDialog();
        dialog.<EditText>findViewById(R.id.limit_field).setText("2,5");
        dialog.getButton(AlertDialog.BUTTON_POSITIVE).performClick();
        TestApp.idle();
        assertEquals(2_500_000_000L, app.settings().mobileLimitBytes());
        assertTrue(text(R.id.mobile_data), text(R.id.mobile_data).contains("of 2.5"));
        screen.recreate();
        assertTrue(this.<RadioButton>find(R.id.network_mobile).isChecked());
        assertTrue(this.<Switch>find(R.id.only_charging).isChecked());
    }

    @Test
    public void whatIsNoNumberIsNoLimit() {
        assertEquals(2_500_000_000L, SettingsPanel.bytesOf(" 2.5 "));
        assertEquals(1, SettingsPanel.bytesOf("0.0000000001"));
        assertEquals(1_000_000_000_000_000L, SettingsPanel.bytesOf("9e999"));
        for (String none : new String[] {"", "0", "-1", "x", "1 GB", "1.2.3"}) assertEquals(0, SettingsPanel.bytesOf(none));
    }

    @Test
    public void asksForTheExemptionWithItsReason() throws UserException {
        openServing();
        assertTrue(isShown(R.id.background));
        find(R.id.allow_background).performClick();
        Intent asked = shadowOf(screen.get()).getNextStartedActivity();
        while (asked != null && !Settings.ACTION_REQUEST_IGNORE_BATTERY_OPTIMIZATIONS.equals(asked.getAction())) {
            asked = shadowOf(screen.get()).getNextStartedActivity();
        }
        assertEquals("package:io.restunnel.app", asked.getDataString());
        shadowOf(app.getSystemService(PowerManager.class)).setIgnoringBatteryOptimizations("io.restunnel.app", true);
        shadowOf(screen.get().getMainLooper()).idleFor(Duration.ofSeconds(2));
        assertFalse(isShown(R.id.background));
    }

    @Test
    public void asksForNotificationsOnceAHubIsPaired() throws UserException {
        openServing();
        boolean asked = shadowOf(screen.get()).getLastRequestedPermission() != null;
        assertEquals(Build.VERSION.SDK_INT >= 33, asked);
    }

    @Test
    public void aFailingKeystoreIsSaidAndALostKeyOffersToStartOver() throws UserException {
        openServing();
        app.host().halt();
        app.keystore.fails = true;
        app.host().run();
        TestApp.idle();
        assertEquals("The Keystore fails", text(R.id.state));
        assertTrue(text(R.id.trouble).contains("the keystore daemon is dead"));
        assertFalse(isShown(R.id.start_over));
        app.keystore.fails = false;
        app.keystore.keys.clear();
        app.host().open();
        TestApp.idle();
        assertTrue(isShown(R.id.start_over));
        find(R.id.start_over).performClick();
        ((AlertDialog) ShadowAlertDialog.getLatestDialog()).getButton(AlertDialog.BUTTON_POSITIVE).performClick();
        TestApp.idle();
        assertEquals("Not paired yet", text(R.id.state));
        assertFalse(isShown(R.id.trouble));
    }

    @Test
    public void aPastedLinkOpensTheQuestion() {
        open();
        ClipboardManager clipboard = app.getSystemService(ClipboardManager.class);
        clipboard.setPrimaryClip(ClipData.newPlainText("", "something else"));
        find(R.id.paste_link).performClick();
        assertEquals(null, shadowOf(screen.get()).getNextStartedActivity());
        clipboard.setPrimaryClip(ClipData.newPlainText("", " " + TestApp.LINK + "\n"));
        find(R.id.paste_link).performClick();
        Intent opened = shadowOf(screen.get()).getNextStartedActivity();
        assertEquals(PairActivity.class.getName(), opened.getComponent().getClassName());
        assertEquals(TestApp.LINK, opened.getDataString());
        assertEquals(0, app.node().hubs.size());
        clipboard.setPrimaryClip(ClipData.newPlainText("", "restunnel+wss://hub.example.org/"));
        find(R.id.paste_link).performClick();
        assertEquals("restunnel+wss", shadowOf(screen.get()).getNextStartedActivity().getData().getScheme());
    }

    @Test
    @Config(qualifiers = "de-night", sdk = {28, 35})
    public void speaksGermanAndIsDarkAtNight() throws UserException {
        openServing();
        assertEquals("Verbunden", text(R.id.state));
        assertEquals("hub.example.org:9000 pausieren", find(R.id.hub_pause).getContentDescription().toString());
        assertEquals(Configuration.UI_MODE_NIGHT_YES,
                screen.get().getResources().getConfiguration().uiMode & Configuration.UI_MODE_NIGHT_MASK);
        TypedValue background = new TypedValue();
        assertTrue(screen.get().getTheme().resolveAttribute(android.R.attr.colorBackground, background, true));
        assertTrue(Color.luminance(background.data) < 0.1);
    }
}
