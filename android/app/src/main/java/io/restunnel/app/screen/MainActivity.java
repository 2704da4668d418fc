package io.restunnel.app.screen;

import android.Manifest;
import android.annotation.SuppressLint;
import android.app.Activity;
import android.app.AlertDialog;
import android.content.ClipData;
import android.content.ClipboardManager;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.net.Uri;
import android.os.Build;
import android.os.Bundle;
import android.os.Handler;
import android.os.Looper;
import android.os.PowerManager;
import android.provider.Settings;
import android.view.View;
import android.view.ViewGroup;
import android.widget.TextView;
import android.widget.Toast;
import io.restunnel.app.App;
import io.restunnel.app.R;
import io.restunnel.app.node.NodeHost;
import io.restunnel.app.service.NodeService;
import io.restunnel.node.HubStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** The hubs that this phone serves, what stands in the way, and the owner's choices. */
public final class MainActivity extends Activity implements NodeHost.Watcher {
    private static final long REFRESH_MS = 1_000;
    private static final int ASKED_FOR_NOTIFICATIONS = 1;
    /** With the name of a transport, perhaps, which the next screen knows or does not. */
    private static final Pattern LINK = Pattern.compile("(?i)restunnel(\\+[a-z0-9.-]+)?://");

    private final Handler main = new Handler(Looper.getMainLooper());
    private final Runnable refresh = this::refresh;
    private final List<HubRow> rows = new ArrayList<>();
    private NodeHost host;
    private Wording wording;
    private SettingsPanel settings;
    private boolean askedForNotifications;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        App app = App.of(this);
        host = app.host();
        wording = new Wording(this);
        setContentView(R.layout.main);
        settings = new SettingsPanel(this);
        findViewById(R.id.pause_all).setOnClickListener(button -> host.setPaused(!app.settings().paused()));
        findViewById(R.id.start_over).setOnClickListener(button -> askToStartOver());
        findViewById(R.id.allow_background).setOnClickListener(button -> askForBackground());
        findViewById(R.id.paste_link).setOnClickListener(button -> pasteLink());
        askedForNotifications = state != null && state.getBoolean("askedForNotifications");
    }

    @Override
    protected void onSaveInstanceState(Bundle state) {
        super.onSaveInstanceState(state);
        state.putBoolean("askedForNotifications", askedForNotifications);
    }

    @Override
    protected void onStart() {
        super.onStart();
        host.watch(this);
        host.open();
        // It runs already, unless the system ended it and has not started it again.
        NodeService.start(this);
        refresh();
        askForNotifications();
    }

    @Override
    protected void onStop() {
        host.unwatch(this);
        main.removeCallbacks(refresh);
        super.onStop();
    }

    @Override
    public void nodeChanged() {
        show();
    }

    private void refresh() {
        host.refresh();
        show();
        main.removeCallbacks(refresh);
        main.postDelayed(refresh, REFRESH_MS);
    }

    private void show() {
        List<HubStatus> hubs = host.hubs();
        setText(R.id.state, wording.state(host));
        setText(R.id.today, wording.today(host));
        setText(R.id.pause_all, getString(App.of(this).settings().paused() ? R.string.resume : R.string.pause));
        setVisible(R.id.pause_all, !hubs.isEmpty());
        setVisible(R.id.today, !hubs.isEmpty());
        showTrouble();
        setVisible(R.id.background, !hubs.isEmpty() && !mayRunInBackground());
        setVisible(R.id.no_hub, host.isOpen() && hubs.isEmpty());
        showHubs(hubs);
        settings.show();
        setVisible(R.id.node_id, host.nodeId() != null);
        if (host.nodeId() != null) setText(R.id.node_id, getString(R.string.node_id, host.nodeId(), App.of(this).version()));
    }

    private void showTrouble() {
        boolean hasTrouble = host.trouble() != null;
        setVisible(R.id.trouble, hasTrouble);
        setVisible(R.id.start_over, host.isKeyLost());
        if (!hasTrouble) return;
        if (host.isKeyLost()) setText(R.id.trouble, getString(R.string.problem_key_lost));
        else if (host.isKeystoreFailing()) setText(R.id.trouble, getString(R.string.problem_keystore, host.trouble().getMessage()));
        else setText(R.id.trouble, getString(R.string.problem_other, FailureWording.of(this, host.trouble())));
    }

    /** Rows stay where they are, so that TalkBack keeps its place. */
    private void showHubs(List<HubStatus> hubs) {
        ViewGroup list = findViewById(R.id.hubs);
        for (HubRow row : new ArrayList<>(rows)) {
            boolean stays = false;
            for (HubStatus hub : hubs) stays |= hub.publicKey.equals(row.publicKey);
            if (stays) continue;
            rows.remove(row);
            list.removeView(row.view);
        }
        for (HubStatus hub : hubs) rowOf(hub, list).show(hub);
    }

    private HubRow rowOf(HubStatus hub, ViewGroup list) {
        for (HubRow row : rows) if (row.publicKey.equals(hub.publicKey)) return row;
        HubRow row = new HubRow(this, list, hub.publicKey);
        rows.add(row);
        list.addView(row.view);
        return row;
    }

    /** Without it the service runs just as well, but the owner does not see that it does. */
    private void askForNotifications() {
        if (Build.VERSION.SDK_INT < 33 || askedForNotifications || !App.of(this).settings().hasHubs()) return;
        if (checkSelfPermission(Manifest.permission.POST_NOTIFICATIONS) == PackageManager.PERMISSION_GRANTED) return;
        askedForNotifications = true;
        requestPermissions(new String[] {Manifest.permission.POST_NOTIFICATIONS}, ASKED_FOR_NOTIFICATIONS);
    }

    private boolean mayRunInBackground() {
        return getSystemService(PowerManager.class).isIgnoringBatteryOptimizations(getPackageName());
    }

    /** The reason stands beside the button; a device that waits to be reached is what the system's exemption is for. */
    @SuppressLint("BatteryLife")
    private void askForBackground() {
        startActivity(new Intent(Settings.ACTION_REQUEST_IGNORE_BATTERY_OPTIMIZATIONS, Uri.fromParts("package", getPackageName(), null)));
    }

    /** For camera apps that show a link's text and do not open it. */
    private void pasteLink() {
        ClipData clip = getSystemService(ClipboardManager.class).getPrimaryClip();
        CharSequence text = clip == null || clip.getItemCount() == 0 ? null : clip.getItemAt(0).coerceToText(this);
        String link = text == null ? "" : text.toString().trim();
        if (LINK.matcher(link).lookingAt()) {
            startActivity(new Intent(Intent.ACTION_VIEW, Uri.parse(link), this, PairActivity.class));
        } else Toast.makeText(this, R.string.paste_nothing, Toast.LENGTH_LONG).show();
    }

    private void askToStartOver() {
        new AlertDialog.Builder(this)
                .setTitle(R.string.start_over)
                .setMessage(R.string.start_over_question)
                .setNegativeButton(R.string.cancel, null)
                .setPositiveButton(R.string.start_over, (dialog, which) -> host.startOver())
                .show();
    }

    private void setText(int id, String text) {
        TextView view = findViewById(id);
        if (!text.contentEquals(view.getText())) view.setText(text);
    }

    private void setVisible(int id, boolean visible) {
        findViewById(id).setVisibility(visible ? View.VISIBLE : View.GONE);
    }
}
