package io.restunnel.app.screen;

import android.app.Activity;
import android.app.AlertDialog;
import android.view.View;
import android.view.ViewGroup;
import android.widget.Button;
import android.widget.TextView;
import io.restunnel.app.App;
import io.restunnel.app.R;
import io.restunnel.node.HubStatus;

/** One hub on the main screen: how it is doing, and what the owner can do about it. */
final class HubRow {
    final View view;
    final String publicKey;
    private final Activity screen;
    private final App app;
    private final Wording wording;
    private final TextView name;
    private final TextView state;
    private final TextView figures;
    private final TextView failure;
    private final Button pause;

    HubRow(Activity screen, ViewGroup into, String publicKey) {
        this.screen = screen;
        this.publicKey = publicKey;
        app = App.of(screen);
        wording = new Wording(screen);
        view = screen.getLayoutInflater().inflate(R.layout.hub, into, false);
        name = view.findViewById(R.id.hub_name);
        state = view.findViewById(R.id.hub_state);
        figures = view.findViewById(R.id.hub_figures);
        failure = view.findViewById(R.id.hub_failure);
        pause = view.findViewById(R.id.hub_pause);
        pause.setOnClickListener(button -> app.host().setHubPaused(publicKey, !isPaused()));
        view.findViewById(R.id.hub_forget).setOnClickListener(button -> askToForget());
    }

    void show(HubStatus hub) {
        String address = Wording.address(hub.host, hub.port);
        set(name, address);
        set(state, wording.hubState(hub));
        String numbers = screen.getString(R.string.hub_figures, wording.streams(hub.streams),
                wording.bytes(app.host().traffic().hubBytesToday(hub.publicKey)));
        set(figures, hub.observedAddress == null ? numbers
                : numbers + "\n" + screen.getString(R.string.hub_address, hub.observedAddress));
        boolean fails = hub.lastFailure != null && (hub.state == HubStatus.State.WAITING || hub.state == HubStatus.State.CONNECTING);
        failure.setVisibility(fails ? View.VISIBLE : View.GONE);
        if (fails) set(failure, FailureWording.of(screen, hub.lastFailure));
        // Buttons of several hubs read alike, so TalkBack says whose they are.
        set(pause, screen.getString(isPaused() ? R.string.resume : R.string.pause));
        pause.setContentDescription(screen.getString(isPaused() ? R.string.resume_hub : R.string.pause_hub, address));
        view.findViewById(R.id.hub_forget).setContentDescription(screen.getString(R.string.forget_hub, address));
    }

    private boolean isPaused() {
        return app.settings().pausedHubs().contains(publicKey);
    }

    private void askToForget() {
        new AlertDialog.Builder(screen)
                .setTitle(screen.getString(R.string.forget_hub, name.getText()))
                .setMessage(R.string.forget_question)
                .setNegativeButton(R.string.cancel, null)
                .setPositiveButton(R.string.forget, (dialog, which) -> app.host().forget(publicKey, failed -> { }))
                .show();
    }

    /** TalkBack reads a text that is set anew again, so only what differs is set. */
    private static void set(TextView view, CharSequence text) {
        if (!text.toString().contentEquals(view.getText())) view.setText(text);
    }
}
