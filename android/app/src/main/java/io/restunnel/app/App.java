package io.restunnel.app;

import android.app.Application;
import android.content.Context;
import android.content.pm.PackageManager;
import android.net.ConnectivityManager;
import android.net.TrafficStats;
import android.os.Handler;
import android.os.Looper;
import android.os.Process;
import io.restunnel.app.keys.KeyVault;
import io.restunnel.app.keys.PhoneStorage;
import io.restunnel.app.network.NetworkWatch;
import io.restunnel.app.node.CoreNode;
import io.restunnel.app.node.Node;
import io.restunnel.app.node.NodeHost;
import io.restunnel.app.node.PowerWatch;
import io.restunnel.app.settings.DataMeter;
import io.restunnel.app.settings.Settings;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;

/** Puts the parts together, once a process. Screens, service and receiver find them here. */
public class App extends Application {
    private Settings settings;
    private NodeHost host;

    public static App of(Context context) {
        return (App) context.getApplicationContext();
    }

    @Override
    public void onCreate() {
        super.onCreate();
        Handler main = new Handler(Looper.getMainLooper());
        settings = new Settings(getSharedPreferences("settings", MODE_PRIVATE));
        DataMeter meter = new DataMeter(getSharedPreferences("data", MODE_PRIVATE));
        NetworkWatch networks = new NetworkWatch(getSystemService(ConnectivityManager.class), main);
        PhoneStorage storage = new PhoneStorage(getNoBackupFilesDir(), new KeyVault(this));
        host = new NodeHost(settings, meter, networks, new PowerWatch(this), storage, version(), nodeMaker(), this::bytesOfThisApp, worker(),
                main);
    }

    public Settings settings() {
        return settings;
    }

    public NodeHost host() {
        return host;
    }

    public String version() {
        try {
            return getPackageManager().getPackageInfo(getPackageName(), 0).versionName;
        } catch (PackageManager.NameNotFoundException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** What tests replace. */
    protected Node.Maker nodeMaker() {
        return CoreNode::new;
    }

    /** What tests replace. */
    protected Executor worker() {
        return Executors.newSingleThreadExecutor(task -> new Thread(task, "node keeper"));
    }

    /** What tests replace. Below 0: this phone does not count. */
    protected long bytesOfThisApp() {
        long received = TrafficStats.getUidRxBytes(Process.myUid());
        long sent = TrafficStats.getUidTxBytes(Process.myUid());
        return received < 0 || sent < 0 ? -1 : received + sent;
    }
}
