package io.restunnel.app.screen;

import android.app.Activity;
import android.content.Intent;
import android.os.Build;
import android.os.Bundle;
import android.provider.Settings;
import android.view.View;
import android.widget.Button;
import android.widget.TextView;
import io.restunnel.app.App;
import io.restunnel.app.R;
import io.restunnel.app.keys.KeyLostException;
import io.restunnel.app.keys.KeystoreException;
import io.restunnel.app.service.NodeService;
import io.restunnel.node.HubStatus;
import io.restunnel.node.PairingLink;
import io.restunnel.node.UserException;

/**
 * A pairing link: whose it is and what pairing means, and nothing happens before the owner taps. Any web page can offer a link, and who
 * pairs this phone reaches the web through it.
 */
public final class PairActivity extends Activity {
    private TextView problem;
    private View question;
    private Button pair;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.pair);
        problem = findViewById(R.id.pair_problem);
        question = findViewById(R.id.pair_question);
        pair = findViewById(R.id.pair_now);
        // A window of another app above this one must not be what the owner believes to tap on.
        pair.setFilterTouchesWhenObscured(true);
        findViewById(R.id.pair_cancel).setOnClickListener(view -> finish());
        show(getIntent());
    }

    @Override
    protected void onNewIntent(Intent intent) {
        super.onNewIntent(intent);
        setIntent(intent);
        show(intent);
    }

    private void show(Intent intent) {
        try {
            show(PairingLink.parse(String.valueOf(intent.getDataString())));
        } catch (UserException noLink) {
            question.setVisibility(View.GONE);
            showProblem(FailureWording.of(this, noLink));
        }
    }

    private void show(PairingLink link) {
        question.setVisibility(View.VISIBLE);
        problem.setVisibility(View.GONE);
        TextView host = findViewById(R.id.pair_host);
        host.setText(Wording.address(link.host, link.port));
        TextView fingerprint = findViewById(R.id.pair_fingerprint);
        fingerprint.setText(link.fingerprint());
        findViewById(R.id.pair_known).setVisibility(isKnown(link) ? View.VISIBLE : View.GONE);
        pair.setEnabled(true);
        pair.setOnClickListener(view -> pair(link));
    }

    private boolean isKnown(PairingLink link) {
        for (HubStatus hub : App.of(this).host().hubs()) if (hub.publicKey.equals(link.hubPublicKeyText())) return true;
        return false;
    }

    private void pair(PairingLink link) {
        pair.setEnabled(false);
        App.of(this).host().pair(link, deviceName(), failure -> {
            if (failure == null) {
                NodeService.start(this);
                startActivity(new Intent(this, MainActivity.class).addFlags(Intent.FLAG_ACTIVITY_CLEAR_TOP));
                finish();
            } else {
                pair.setEnabled(true);
                showProblem(why(failure));
            }
        });
    }

    private String why(Exception failure) {
        if (failure instanceof KeyLostException) return getString(R.string.problem_key_lost);
        if (failure instanceof KeystoreException) return getString(R.string.problem_keystore, failure.getMessage());
        return getString(R.string.pair_failed, FailureWording.of(this, failure));
    }

    private void showProblem(String text) {
        problem.setText(text);
        problem.setVisibility(View.VISIBLE);
    }

    /** What the owner called this phone, or its model. */
    private String deviceName() {
        String name = Settings.Global.getString(getContentResolver(), Settings.Global.DEVICE_NAME);
        return name == null || name.trim().isEmpty() ? Build.MODEL : name;
    }
}
