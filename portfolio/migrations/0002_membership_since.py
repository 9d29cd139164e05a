from django.db import migrations, models
from django.utils import timezone


class Migration(migrations.Migration):

    dependencies = [
        ('portfolio', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='membership',
            name='since',
            field=models.DateTimeField(default=timezone.now),
            preserve_default=False,
        ),
    ]
