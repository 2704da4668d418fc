package io.restunnel.app.screen;

import android.app.Activity;
import android.app.AlertDialog;
import android.text.InputType;
import android.view.View;
import android.widget.EditText;
import android.widget.FrameLayout;
import android.widget.RadioGroup;
import android.widget.Switch;
import android.widget.TextView;
import io.restunnel.app.App;
import io.restunnel.app.R;
import io.restunnel.app.network.NetworkUse;
import io.restunnel.app.settings.Settings;
import java.math.BigDecimal;

/** The owner's choices on the main screen. Each is in force at once. */
final class SettingsPanel {
    private static final long BYTES_IN_GB = 1_000_000_000L;
    private static final long LIMIT_MAX_GB = 1_000_000;

    private final Activity screen;
    private final App app;
    private final Settings settings;
    private final Wording wording;
    private final TextView limit;

    SettingsPanel(Activity screen) {
        this.screen = screen;
        app = App.of(screen);
        settings = app.settings();
        wording = new Wording(screen);

        RadioGroup networks = screen.findViewById(R.id.networks);
        networks.check(buttonOf(settings.networkUse()));
        networks.setOnCheckedChangeListener((group, button) -> {
            settings.setNetworkUse(useOf(button));
            app.host().reconsider();
        });

        Switch charging = screen.findViewById(R.id.only_charging);
        charging.setChecked(settings.onlyWhileCharging());
        charging.setOnCheckedChangeListener((button, only) -> {
            settings.setOnlyWhileCharging(only);
            app.host().reconsider();
        });

        limit = screen.findViewById(R.id.mobile_data);
        View change = screen.findViewById(R.id.change_limit);
        change.setOnClickListener(button -> askForLimit());
    }

    /** Figures that change by themselves. */
    void show() {
        String used = wording.bytes(app.host().traffic().mobileBytesThisMonth());
        long most = settings.mobileLimitBytes();
        String text = most == Settings.NO_LIMIT ? screen.getString(R.string.mobile_data_used, used)
                : screen.getString(R.string.mobile_data_used_of, used, wording.bytes(most));
        if (!text.contentEquals(limit.getText())) limit.setText(text);
    }

    private void askForLimit() {
        EditText field = new EditText(screen);
        field.setId(R.id.limit_field);
        field.setInputType(InputType.TYPE_CLASS_NUMBER | InputType.TYPE_NUMBER_FLAG_DECIMAL);
        field.setHint(R.string.limit_hint);
        if (settings.mobileLimitBytes() != Settings.NO_LIMIT) {
            field.setText(BigDecimal.valueOf(settings.mobileLimitBytes(), 9).stripTrailingZeros().toPlainString());
        }
        FrameLayout frame = new FrameLayout(screen);
        int side = Math.round(24 * screen.getResources().getDisplayMetrics().density);
        frame.setPadding(side, 0, side, 0);
        frame.addView(field);
        new AlertDialog.Builder(screen)
                .setTitle(R.string.limit_title)
                .setMessage(R.string.limit_explained)
                .setView(frame)
                .setNegativeButton(R.string.cancel, null)
                .setPositiveButton(R.string.save, (dialog, which) -> {
                    settings.setMobileLimitBytes(bytesOf(field.getText().toString()));
                    app.host().reconsider();
                    show();
                })
                .show();
    }

    /** Gigabytes, with a comma or a point, as keyboards have them; what is no number above 0 means no limit. */
    static long bytesOf(String text) {
        BigDecimal gigabytes;
        try {
            gigabytes = new BigDecimal(text.trim().replace(',', '.'));
        } catch (NumberFormatException noNumber) {
            return Settings.NO_LIMIT;
        }
        if (gigabytes.signum() <= 0) return Settings.NO_LIMIT;
        return gigabytes.min(BigDecimal.valueOf(LIMIT_MAX_GB)).multiply(BigDecimal.valueOf(BYTES_IN_GB)).max(BigDecimal.ONE).longValue();
    }

    private static int buttonOf(NetworkUse use) {
        return use == NetworkUse.WIFI ? R.id.network_wifi : use == NetworkUse.MOBILE ? R.id.network_mobile : R.id.network_both;
    }

    private static NetworkUse useOf(int button) {
        return button == R.id.network_wifi ? NetworkUse.WIFI : button == R.id.network_mobile ? NetworkUse.MOBILE : NetworkUse.BOTH;
    }
}
