// A sketch for Android Studio, never run: scripts/build-android builds the app, and nothing of the build or the tests reads this file.
// It takes sources and resources from where Maven has them, and the core's sources beside the app's.
plugins {
    id("com.android.application") version "8.7.3"
}

repositories {
    google()
    mavenCentral()
}

android {
    namespace = "io.restunnel.app"
    compileSdk = 35
    defaultConfig {
        applicationId = "io.restunnel.app"
        minSdk = 28
        targetSdk = 35
        versionCode = 1000
        versionName = "0.1.0"
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }
    sourceSets["main"].apply {
        manifest.srcFile("app/src/main/AndroidManifest.xml")
        java.setSrcDirs(listOf("app/src/main/java", "core/src/main/java"))
        res.setSrcDirs(listOf("app/src/main/res"))
    }
    buildTypes["release"].apply {
        isMinifyEnabled = true
        proguardFiles("app/rules.pro")
    }
}

dependencies {
    implementation("org.bouncycastle:bcprov-jdk18on:1.80")
}
